import Bytes
import CZeroMQ
import Foundation
import Synchronization

/// One connection from a sender of units to a receiver that answers each of them.
protocol Link: AnyObject, Sendable {
  /// Sends so many payloads, in turn and again from the first, never more than `window` of them unanswered.
  ///
  /// - Returns: the seconds from the first send to the last answer.
  func seconds(for count: Int, of payloads: [[UInt8]], window: Int) throws -> Double
}

enum LinkFailure: Error, CustomStringConvertible {
  case call(String)
  case answer(String)

  static func last(_ call: String) -> LinkFailure {
    .call("\(call): \(String(cString: zmq_strerror(zmq_errno())))")
  }

  var description: String {
    switch self {
    case .call(let text): text
    case .answer(let text): "an answer that was not expected: \(text)"
    }
  }
}

/// A thread that does one thing, and what came of it.
final class Worker: Sendable {
  private let ended = DispatchSemaphore(value: 0)
  private let failure = Mutex<(any Error)?>(nil)

  init(_ work: @escaping @Sendable () throws -> Void) throws(ThreadRefused) {
    try ThreadStart.run("link") { [self] in
      do { try work() } catch { failure.withLock { $0 = error } }
      ended.signal()
    }
  }

  func join() throws {
    ended.wait()
    if let failure = failure.withLock({ $0 }) { throw failure }
  }
}

extension Duration {
  var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
