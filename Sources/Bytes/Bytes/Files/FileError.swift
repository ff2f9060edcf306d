import Glibc

/// A system call on a file that failed.
package enum FileError: Error, Equatable, CustomStringConvertible {
  /// ENOSPC or EDQUOT: free some space and try again.
  case full(operation: String, path: String)
  /// EIO: the device failed, and what was written lately may be lost.
  case device(operation: String, path: String)
  /// The file was deleted, moved or replaced while it was written.
  case gone(path: String, isRestored: Bool)
  /// The file, or a folder above it, was moved to another place while it was written.
  case moved(path: String, to: String)
  /// Any other `errno`.
  case refused(operation: String, path: String, code: CInt)

  package init(operation: String, path: String, code: CInt) {
    switch code {
    case ENOSPC, EDQUOT: self = .full(operation: operation, path: path)
    case EIO: self = .device(operation: operation, path: path)
    default: self = .refused(operation: operation, path: path, code: code)
    }
  }

  /// The error of the call that has just failed.
  package static func last(_ operation: @autoclosure () -> String, _ path: String) -> FileError {
    let code = errno
    return FileError(operation: operation(), path: path, code: code)
  }

  /// Whether the file system has no symbolic links: FAT, some network disks and object stores.
  package var isOfDiskWithoutLinks: Bool {
    guard case .refused(_, _, let code) = self else { return false }
    return [EPERM, ENOSYS, EOPNOTSUPP].contains(code)
  }

  /// Whether this process, or the machine, may open no more files.
  package var isOutOfFiles: Bool {
    if case .refused(_, _, let code) = self { code == EMFILE || code == ENFILE } else { false }
  }

  package var description: String {
    switch self {
    case .full(let operation, let path):
      "\(operation) \(path): the disk is full or the quota is used up; free some space"
    case .device(let operation, let path):
      "\(operation) \(path): the storage device reported an error; check the disk before you continue"
    case .gone(let path, true):
      "\(path) was deleted or moved while it was written, and is written back; find out who deletes"
        + " files there"
    case .gone(let path, false):
      "\(path) was deleted or replaced while it was written, and could not be written back: the updates"
        + " that it alone held are made again from the newest checkpoint; find out who deletes files"
        + " there"
    case .moved(let path, let place):
      "\(path) was moved to \(place) while it was written; move it back, or continue where it is now"
    case .refused(let operation, let path, let code):
      "\(operation) \(path): \(String(cString: strerror(code))) (\(code))"
        + (isOutOfFiles ? "; raise the limit of open files: ulimit -n 4096" : "")
    }
  }
}
