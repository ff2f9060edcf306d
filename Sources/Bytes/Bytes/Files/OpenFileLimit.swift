import Glibc

/// How many descriptors this process may hold: each connection to a learner takes three, and each file one.
package enum OpenFileLimit {
  /// Whether nothing can be opened now, here or on the whole machine.
  package static var isReached: Bool {
    let descriptor = open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY)
    if descriptor >= 0 {
      close(descriptor)
      return false
    }
    return errno == EMFILE || errno == ENFILE
  }

  /// How many it holds now.
  package static var inUse: Int {
    guard let folder = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(folder) }
    // Without `.`, `..` and the folder's own.
    var count = -3
    while readdir(folder) != nil { count += 1 }
    return count
  }

  /// Raises the soft limit to the hard one.
  ///
  /// - Returns: how many there may be now.
  @discardableResult
  package static func raise() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    if limit.rlim_cur < limit.rlim_max {
      var raised = limit
      raised.rlim_cur = limit.rlim_max
      if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
    }
    return Int(clamping: limit.rlim_cur)
  }

  /// Raises the limit, and looks whether it is enough.
  package static func require(_ needed: Int, for purpose: String) throws(TooFewFiles) {
    let files = raise()
    guard files >= needed else {
      throw TooFewFiles(files: files, needed: needed, purpose: purpose)
    }
  }
}

/// A process may not hold enough descriptors for what it is to do.
package struct TooFewFiles: Error, CustomStringConvertible {
  package let files: Int
  package let needed: Int
  /// Such as "taking connections".
  package let purpose: String

  package init(files: Int, needed: Int, purpose: String) {
    self.files = files
    self.needed = needed
    self.purpose = purpose
  }

  package var description: String {
    "this process may hold \(files) open files, and \(purpose) needs \(needed); raise the limit:"
      + " ulimit -n 4096"
  }
}
