import CZeroMQ

/// What can go wrong on a socket.
package enum ZeroMQError: Error, Equatable, CustomStringConvertible {
  /// libzmq refused a call.
  case refused(operation: String, code: CInt)
  /// A message had more parts than its protocol allows. It was read to its end and dropped.
  /// `first` is its first part: on a ROUTER, the routing id of the peer that sent it.
  case tooManyParts(first: [UInt8], received: Int, allowed: Int)

  /// The error of the call that has just failed.
  package static func last(_ operation: @autoclosure () -> String) -> ZeroMQError {
    let code = zmq_errno()
    return .refused(operation: operation(), code: code)
  }

  /// Whether this process, or the machine, may open no more files.
  package var isOutOfFiles: Bool {
    if case .refused(_, let code) = self { code == EMFILE || code == ENFILE } else { false }
  }

  package var description: String {
    switch self {
    case .refused(let operation, let code):
      "\(operation) failed: \(String(cString: zmq_strerror(code))) (\(code))"
    case .tooManyParts(_, let received, let allowed):
      "a message of \(received) parts was dropped; at most \(allowed) are allowed"
    }
  }
}
