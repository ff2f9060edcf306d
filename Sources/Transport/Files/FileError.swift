import Glibc

/// A system call on a file that failed.
package enum FileError: Error, Equatable, CustomStringConvertible {
  /// ENOSPC or EDQUOT: free some space and try again.
  case full(operation: String, path: String)
  /// EIO: the device failed, and what was written lately may be lost.
  case device(operation: String, path: String)
  /// Any other `errno`.
  case refused(operation: String, path: String, code: CInt)

  init(operation: String, path: String, code: CInt) {
    switch code {
    case ENOSPC, EDQUOT: self = .full(operation: operation, path: path)
    case EIO: self = .device(operation: operation, path: path)
    default: self = .refused(operation: operation, path: path, code: code)
    }
  }

  /// The error of the call that has just failed.
  static func last(_ operation: @autoclosure () -> String, _ path: String) -> FileError {
    let code = errno
    return FileError(operation: operation(), path: path, code: code)
  }

  package var description: String {
    switch self {
    case .full(let operation, let path):
      "\(operation) \(path): the disk is full or the quota is used up; free some space"
    case .device(let operation, let path):
      "\(operation) \(path): the storage device reported an error; check the disk before going on"
    case .refused(let operation, let path, let code):
      "\(operation) \(path): \(String(cString: strerror(code))) (\(code))"
    }
  }
}
