import Glibc

/// Why a lock was not taken.
package enum LockError: Error, Equatable, CustomStringConvertible {
  /// Another process, or another lock of this one, has it; `holder` is its process id if the file
  /// names one.
  case held(path: String, holder: Int32?)
  case file(FileError)

  package var description: String {
    switch self {
    case .held(let path, let holder?):
      "\(path) is locked by process \(holder); stop that process first"
    case .held(let path, nil):
      "\(path) is locked by another process; stop that process first"
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
    let file = try Self.locking { () throws(FileError) in
      try FileDescriptor(opening: path, O_RDWR | O_CREAT)
    }
    while flock(file.number, LOCK_EX | (waits ? 0 : LOCK_NB)) != 0 {
      switch errno {
      case EINTR: continue
      case EWOULDBLOCK:
        let text = try? file.read(20, at: 0)
        throw .held(
          path: path,
          holder: text.flatMap { Int32(String(decoding: $0.prefix { $0 > 32 }, as: UTF8.self)) })
      case let code: throw .file(FileError(operation: "locking", path: path, code: code))
      }
    }
    try Self.locking { () throws(FileError) in
      try file.truncate(to: 0)
      try file.write(Array("\(getpid())\n".utf8), at: 0)
    }
    self.file = file
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

  deinit { ftruncate(file.number, 0) }
}
