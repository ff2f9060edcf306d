package import Bytes
import CSystem
import Dispatch
import Glibc
import Synchronization

/// Answers those who watch a process, one HTTP question a connection, on a thread of its own.
///
/// Whoever asks costs this thread alone, and of that little: so many connections at once and a second, so many bytes and
/// seconds each. Where all places are taken, the one that has not asked for longest makes room.
package final class Responder: @unchecked Sendable {
  // `@unchecked`: after `init`, all variables are touched by the thread alone; `stop` goes through the wakeup.
  package struct Limits: Sendable {
    /// At once.
    package var connections = 16
    /// A second, and how many may come at once.
    package var arrivals = (rate: 50.0, burst: 100.0)

    package init() {}
  }

  private let sockets: [any ListeningSocket]
  private let limits: Limits
  private let answer: @Sendable (String) -> HTTPAnswer
  private let epoll: Epoll
  private let wakeup: Wakeup
  private let ended = DispatchSemaphore(value: 0)
  private let isEnding = Atomic<Bool>(false)
  private let start = ContinuousClock.now
  private var arrivals: TokenBucket
  private var isAccepting = true
  private var connections: [CInt: Conversation] = [:]

  /// What the kernel calls the wakeup; sockets and connections are called by their descriptors.
  private static let bell = UInt64.max
  /// Seconds for which nobody is let in after too many, or where the process may open no more files.
  private static let rest = 0.1

  /// - Parameter answer: makes the page of a path, on the responder's thread; others wait meanwhile.
  package init(
    at sockets: [any ListeningSocket], limits: Limits = Limits(),
    answer: @escaping @Sendable (String) -> HTTPAnswer
  ) throws(FileError) {
    self.sockets = sockets
    self.limits = limits
    self.answer = answer
    epoll = try Epoll()
    wakeup = try Wakeup()
    arrivals = TokenBucket(rate: limits.arrivals.rate, burst: limits.arrivals.burst)
    guard epoll.add(wakeup.descriptor, Epoll.readable, number: Self.bell),
      sockets.allSatisfy({
        epoll.add($0.descriptor, Epoll.readable, number: UInt64($0.descriptor))
      })
    else { throw .last("watching", "the sockets of the status") }
  }

  package func run() throws(ThreadRefused) {
    try ThreadStart.run("status") { [self] in
      while !isEnding.load(ordering: .acquiring) { turn() }
      for descriptor in connections.keys { close(descriptor) }
      ended.signal()
    }
  }

  /// Ends the thread; answers that are under way are cut off.
  package func stop() {
    isEnding.store(true, ordering: .releasing)
    wakeup.signal()
    ended.wait()
  }

  private var now: Double { start.duration(to: .now).seconds }

  private func turn() {
    // Nothing needs looking at while nobody is there.
    let timeout: CInt = !isAccepting ? 100 : connections.isEmpty ? 60_000 : 500
    for (number, events) in epoll.wait(milliseconds: timeout) {
      if number == Self.bell {
        wakeup.drain()
      } else if let socket = sockets.first(where: { UInt64($0.descriptor) == number }) {
        accept(from: socket)
      } else {
        serve(CInt(number), events)
      }
    }
    for (descriptor, conversation) in connections where conversation.isLate(now: now) {
      end(descriptor)
    }
    if !isAccepting, arrivals.level(now: now) >= 1 { listen(true) }
  }

  private func listen(_ isAccepting: Bool) {
    self.isAccepting = isAccepting
    for socket in sockets {
      epoll.change(
        socket.descriptor, isAccepting ? Epoll.readable : 0, number: UInt64(socket.descriptor))
    }
  }

  // MARK: Connections

  private func accept(from socket: any ListeningSocket) {
    guard arrivals.level(now: now) >= 1 else { return listen(false) }
    arrivals.take(1)
    let flags = CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = accept4(socket.descriptor, nil, nil, flags)
    guard descriptor >= 0 else {
      // Another look at once would find the same.
      if errno == EMFILE || errno == ENFILE || errno == ENOMEM {
        arrivals.take(limits.arrivals.rate * Self.rest)
      }
      return
    }
    if connections.count >= limits.connections { makeRoom() }
    guard epoll.add(descriptor, Epoll.readable, number: UInt64(descriptor)) else {
      close(descriptor)
      return
    }
    connections[descriptor] = Conversation(now: now)
  }

  private func makeRoom() {
    let waiting = connections.filter { $0.value.isAsking }
    let oldest = (waiting.isEmpty ? connections : waiting).min { $0.value.began < $1.value.began }
    if let oldest { end(oldest.key) }
  }

  private func serve(_ descriptor: CInt, _ events: UInt32) {
    guard var conversation = connections.removeValue(forKey: descriptor) else { return }
    if events & Epoll.readable != 0 { read(descriptor, &conversation) }
    if events & Epoll.broken != 0, events & Epoll.readable == 0 { conversation.broke() }
    write(descriptor, &conversation)
    connections[descriptor] = conversation
    if conversation.isOver { return end(descriptor) }
    epoll.change(
      descriptor, conversation.rest.isEmpty ? Epoll.readable : Epoll.writable,
      number: UInt64(descriptor))
  }

  private func read(_ descriptor: CInt, _ conversation: inout Conversation) {
    var buffer = [UInt8](repeating: 0, count: 16_384)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count > 0 {
      conversation.received(buffer.prefix(count), answer: answer)
    } else if count == 0 {
      conversation.ended()
    } else if errno != EAGAIN, errno != EINTR {
      conversation.broke()
    }
  }

  private func write(_ descriptor: CInt, _ conversation: inout Conversation) {
    let rest = conversation.rest
    if rest.isEmpty { return }
    let count = rest.withUnsafeBytes {
      send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
    }
    if count >= 0 {
      if conversation.sent(count) { shutdown(descriptor, CInt(SHUT_WR)) }
    } else if errno != EAGAIN, errno != EINTR {
      conversation.broke()
    }
  }

  private func end(_ descriptor: CInt) {
    connections[descriptor] = nil
    // Closing takes it from the kernel's list, too.
    close(descriptor)
  }
}
