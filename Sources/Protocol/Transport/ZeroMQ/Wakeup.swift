package import Bytes
import CSystem
import CZeroMQ
import Glibc

/// What a wait found.
package struct Readiness: OptionSet, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A message can be received.
  package static let receive = Readiness(rawValue: 1)
  /// A message can be sent; found only by a wait that asked for it.
  package static let send = Readiness(rawValue: 2)
  /// ``Wakeup/signal()`` was called since the last ``Wakeup/drain()``.
  package static let wakeup = Readiness(rawValue: 4)
}

/// A flag in a file descriptor: any thread raises it, and the thread that owns a socket waits for
/// it and the socket together.
package final class Wakeup: Sendable {
  package let descriptor: CInt

  package init() throws(FileError) {
    descriptor = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
    if descriptor < 0 { throw .last("creating", "an eventfd") }
  }

  deinit { close(descriptor) }

  /// Raises the flag; raising it twice is raising it once.
  package func signal() {
    // The only failure left, EAGAIN, means a counter at its top: the flag is up.
    while eventfd_write(descriptor, 1) != 0, errno == EINTR {}
  }

  /// Lowers the flag. Lower first, then look at what the signallers left: nothing is missed then.
  package func drain() {
    var count: eventfd_t = 0
    while eventfd_read(descriptor, &count) != 0, errno == EINTR {}
  }

  /// Waits until the socket or the flag is ready, at most for `timeout`.
  ///
  /// - Parameters:
  ///   - toReceive: whether a message that can be received ends the wait.
  ///   - toSend: whether room to send one does.
  /// - Returns: what is ready; nothing after the timeout or when a Unix signal came in between.
  package func wait(
    for socket: borrowing Socket, toReceive: Bool = true, toSend: Bool = false, timeout: Duration
  ) throws(ZeroMQError) -> Readiness {
    let interest = (toReceive ? ZMQ_POLLIN : 0) | (toSend ? ZMQ_POLLOUT : 0)
    var items = [
      zmq_pollitem_t(socket: socket.handle, fd: 0, events: Int16(interest), revents: 0),
      zmq_pollitem_t(socket: nil, fd: descriptor, events: Int16(ZMQ_POLLIN), revents: 0),
    ]
    // Rounded up, so that a loop over a short rest does not spin.
    let milliseconds = ((timeout + .nanoseconds(999_999)) / .milliseconds(1)).rounded(.down)
    guard zmq_poll(&items, 2, Int(min(max(milliseconds, 0), 86_400_000))) >= 0 else {
      let code = zmq_errno()
      if code == EINTR { return [] }
      throw .refused(operation: "zmq_poll", code: code)
    }
    var ready: Readiness = []
    if CInt(items[0].revents) & ZMQ_POLLIN != 0 { ready.insert(.receive) }
    if CInt(items[0].revents) & ZMQ_POLLOUT != 0 { ready.insert(.send) }
    if items[1].revents != 0 { ready.insert(.wakeup) }
    return ready
  }
}
