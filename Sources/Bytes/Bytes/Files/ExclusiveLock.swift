import Glibc

/// Why a lock was not taken.
package enum LockError: Error, Equatable, CustomStringConvertible {
  /// Another process, or another lock of this one, has it; `holder` is its process id if the file
  /// names one.
  case held(path: String, holder: Int32?)
  /// A link, no plain file, or one with other contents: locking would write over what is somebody's.
  case foreign(path: String)
  /// The disk that it is on has no locks, or they do not work now.
  case unsupported(path: String, code: CInt)
  case file(FileError)

  package var description: String {
    switch self {
    case .held(let path, let holder?):
      "process \(holder) holds \(path)"
    case .held(let path, nil):
      "another process holds \(path)"
    case .foreign(let path):
      "\(path) is no lock of ours: it is a link, not a plain file, or has something else in it; look at"
        + " it, and delete it if nobody needs it"
    case .unsupported(let path, let code):
      "\(path) cannot be locked: locks do not work on its disk (\(String(cString: strerror(code)))), and"
        + " without them two processes could write the same files; move the folder to a disk that has them,"
        + " such as a local one, NFS with its lock service, or Lustre mounted with flock"
    case .file(let error):
      error.description
    }
  }
}

/// A lock on a file for as long as the value lives, or the process: the kernel drops it at its
/// death. The file stays, and names the holder.
package struct ExclusiveLock: ~Copyable, Sendable {
  private let file: FileDescriptor

  /// Takes the lock, and fails at once if somebody has it, unless `waits`. The file is made if need be.
  package init(path: String, waits: Bool = false) throws(LockError) {
    let file = try Self.opened(path)
    while flock(file.number, LOCK_EX | (waits ? 0 : LOCK_NB)) != 0 {
      switch errno {
      case EINTR: continue
      case EWOULDBLOCK:
        let text = try? file.read(20, at: 0)
        throw .held(
          path: path,
          holder: text.flatMap { Int32(String(decoding: $0.prefix { $0 > 32 }, as: UTF8.self)) })
      case let code where [ENOLCK, ENOSYS, EOPNOTSUPP].contains(code):
        throw .unsupported(path: path, code: code)
      case let code: throw .file(FileError(operation: "locking", path: path, code: code))
      }
    }
    // Somebody may have deleted the file while it was taken, and then another one is the lock.
    guard file.isInPlace else { throw .held(path: path, holder: nil) }
    try Self.locking { () throws(FileError) in
      try file.truncate(to: 0)
      try file.write(Array("\(getpid())\n".utf8), at: 0)
    }
    self.file = file
  }

  /// The plain file at `path` itself, with nothing or the number of a holder in it.
  private static func opened(_ path: String) throws(LockError) -> FileDescriptor {
    var status = stat()
    if lstat(path, &status) == 0, [S_IFLNK, S_IFIFO].contains(status.st_mode & S_IFMT) {
      throw .foreign(path: path)
    }
    let file = try locking { () throws(FileError) in
      try FileDescriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW)
    }
    let opened = try locking { () throws(FileError) in try file.status() }
    guard opened.st_mode & S_IFMT == S_IFREG else { throw .foreign(path: path) }
    // A file of that name with anything but a number in it is somebody's, too.
    let text = try locking { () throws(FileError) in try file.read(24, at: 0) }
    guard text.count < 24, text.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x0a }) else {
      throw .foreign(path: path)
    }
    return file
  }

  private static func locking<Result: ~Copyable>(_ body: () throws(FileError) -> Result)
    throws(LockError) -> Result
  {
    do throws(FileError) {
      return try body()
    } catch {
      throw .file(error)
    }
  }

  deinit {
    ftruncate(file.number, 0)
    // A program that is just being started has the descriptor for a moment, too.
    flock(file.number, LOCK_UN)
  }
}
