import Foundation
import Synchronization
import TestSupport
import Testing
import Transport

struct SocketTests {
  @Test(arguments: ["tcp://127.0.0.1:*", "ipc"])
  func `messages go both ways`(transport: String) throws {
    let scratch = Scratch()
    let endpoint = transport == "ipc" ? "ipc://\(scratch.file("socket"))" : transport
    let context = try Context()
    let learner = try Socket(.router, in: context)
    let resolved = try learner.bind(endpoint)
    #expect(!resolved.contains("*"))
    #expect(resolved.hasPrefix(transport == "ipc" ? "ipc://" : "tcp://127.0.0.1:"))
    let actor = try Socket(.dealer, in: context)
    try actor.connect(resolved)

    let parts: [[UInt8]] = [[1, 2], [], [UInt8](repeating: 3, count: 100_000)]
    try send(parts, on: actor)
    let received = try receive(on: learner, parts: 4)
    #expect(Array(received.dropFirst()) == parts)
    #expect(try learner.send([received[0], [4]]) == .sent)
    #expect(try receive(on: actor, parts: 1) == [[4]])
    #expect(try actor.receive(maximumParts: 1) == nil)
  }

  /// Large parts are read where they stand, on another thread: what the sender does to its array
  /// afterwards must not reach them.
  @Test(arguments: [100, 32 << 10, 1 << 20])
  func `a message is what it was when sent`(size: Int) throws {
    let learner = try Socket(.router, in: Context())
    let endpoint = try learner.bind("tcp://127.0.0.1:*")
    let actor = try Socket(.dealer, in: Context())
    // Not connected: libzmq gives the part back.
    #expect(try actor.send([[UInt8](repeating: 9, count: size)]) == .wouldBlock)
    try actor.connect(endpoint)
    var part = [UInt8](repeating: 0, count: size)
    for round: UInt8 in 0..<20 {
      for index in part.indices { part[index] = round &+ UInt8(index & 127) }
      try send([part], on: actor)
    }
    for round: UInt8 in 0..<20 {
      let received = try receive(on: learner, parts: 2)[1]
      #expect(received == (0..<size).map { round &+ UInt8($0 & 127) })
    }
  }

  /// A peer that reads nothing keeps what was sent to it, one that reads gives it back.
  @Test(arguments: [10, 100_000]) func `a lent part is given back when it is taken`(size: Int)
    throws
  {
    let learner = try Socket(.router, in: Context())
    let endpoint = try learner.bind("tcp://127.0.0.1:*")
    let actor = try Socket(.dealer, in: Context())
    try actor.connect(endpoint)
    try send([[1]], on: actor)
    let route = try receive(on: learner, parts: 2)[0]
    let released = Mutex(0)
    let part = [UInt8](repeating: 5, count: size)
    #expect(
      try learner.send([Array(repeating: 1, count: 5), part]) {
        released.withLock { $0 += 1 }
      } == .unreachable)
    #expect(released.withLock { $0 } == 1, "nobody took it")
    #expect(
      try learner.send([route, part]) { released.withLock { $0 += 1 } }
        == .sent)
    #expect(try receive(on: actor, parts: 1) == [part])
    let deadline = ContinuousClock.now + .seconds(30)
    while released.withLock({ $0 }) < 2, ContinuousClock.now < deadline {
      usleep(1_000)
    }
    #expect(released.withLock { $0 } == 2)
  }

  /// Unless monitoring is ended first, libzmq's I/O thread waits for good for a reader of the
  /// disconnection, and nothing of the context works any more.
  @Test func `a monitor that is gone holds nobody up`() throws {
    let context = try Context()
    for _ in 0..<5 {
      let actor = try Socket(.dealer, in: context)
      do {
        let learner = try Socket(.router, in: Context())
        let endpoint = try learner.bind("tcp://127.0.0.1:*")
        do {
          let monitor = try ConnectionMonitor(actor, in: context)
          try actor.connect(endpoint)
          try send([[1]], on: actor)
          _ = try receive(on: learner, parts: 2)
          actor.endMonitoring()
          _ = consume monitor
        }
        _ = consume learner
      }
      usleep(100_000)
      let learner = try Socket(.router, in: context)
      let other = try Socket(.dealer, in: context)
      try other.connect(try learner.bind("tcp://127.0.0.1:*"))
      try send([[2]], on: other)
      #expect(try receive(on: learner, parts: 2)[1] == [2])
      _ = consume actor
    }
  }

  @Test func `a peer that is not there is unreachable`() throws {
    let context = try Context()
    let learner = try Socket(.router, in: context)
    _ = try learner.bind("tcp://127.0.0.1:*")
    #expect(try learner.send([[0, 1, 2, 3, 4], [1]]) == .unreachable)
    // The socket goes on.
    #expect(try learner.send([[0, 1, 2, 3, 5], [1], [2]]) == .unreachable)
    #expect(try learner.receive(maximumParts: 3) == nil)
  }

  @Test func `a peer that left becomes unreachable`() throws {
    let context = try Context()
    let learner = try Socket(.router, in: context)
    let endpoint = try learner.bind("tcp://127.0.0.1:*")
    var peer: [UInt8] = []
    do {
      let actor = try Socket(.dealer, in: context)
      try actor.connect(endpoint)
      try send([[1]], on: actor)
      peer = try receive(on: learner, parts: 2)[0]
    }
    try eventually("the peer to become unreachable") {
      try learner.send([peer, [2]]) == .unreachable
    }
  }

  @Test func `an unconnected dealer would block`() throws {
    let context = try Context()
    let actor = try Socket(.dealer, in: context)
    #expect(try actor.send([[1], [2]]) == .wouldBlock)
  }

  @Test func `a full queue would block and loses nothing`() throws {
    let context = try Context()
    var options = SocketOptions()
    options.sendHighWaterMark = 2
    options.receiveHighWaterMark = 2
    let learner = try Socket(.router, in: context, options: options)
    let actor = try Socket(.dealer, in: context, options: options)
    try actor.connect(try learner.bind("tcp://127.0.0.1:*"))
    try send([[0]], on: actor)
    let peer = try receive(on: learner, parts: 2)[0]
    let part = [UInt8](repeating: 1, count: 1 << 20)
    var sent = 0
    while try learner.send([peer, [UInt8(sent)], part]) == .sent {
      sent += 1
      try #require(sent < 200, "a queue of 2 messages never fills")
    }
    for index in 0..<sent {
      let message = try receive(on: actor, parts: 2)
      #expect(message[0] == [UInt8(index)])
    }
  }

  @Test func `too many parts are dropped and counted`() throws {
    let context = try Context()
    let learner = try Socket(.router, in: context)
    let actor = try Socket(.dealer, in: context)
    try actor.connect(try learner.bind("tcp://127.0.0.1:*"))
    try send([[1], [2], [3], [4]], on: actor)
    try send([[5], [6]], on: actor)
    let wakeup = try Wakeup()
    #expect(try wakeup.wait(for: learner, timeout: .seconds(10)) == .receive)
    do {
      _ = try learner.receive(maximumParts: 3)
      Issue.record("five parts were accepted")
    } catch ZeroMQError.tooManyParts(let first, let received, let allowed) {
      #expect(first.count == 5)
      #expect(received == 5)
      #expect(allowed == 3)
    }
    let next = try receive(on: learner, parts: 3)
    #expect(Array(next.dropFirst()) == [[5], [6]])
  }

  @Test func `an oversize part closes the connection only`() throws {
    let context = try Context()
    var options = SocketOptions()
    options.maximumPartBytes = 1_000
    let learner = try Socket(.router, in: context, options: options)
    let actor = try Socket(.dealer, in: context)
    try actor.connect(try learner.bind("tcp://127.0.0.1:*"))
    try send([[UInt8](repeating: 0, count: 1_001)], on: actor)
    try eventually("a small message after the reconnect") {
      _ = try actor.send([[1]])
      return try learner.receive(maximumParts: 2).map { $0[1] } == [1]
    }
  }

  @Test func `a wakeup ends a wait`() throws {
    let context = try Context()
    let learner = try Socket(.router, in: context)
    _ = try learner.bind("tcp://127.0.0.1:*")
    let wakeup = try Wakeup()
    #expect(try wakeup.wait(for: learner, timeout: .milliseconds(1)) == [])
    wakeup.signal()
    wakeup.signal()
    #expect(try wakeup.wait(for: learner, timeout: .seconds(10)) == .wakeup)
    wakeup.drain()
    #expect(try wakeup.wait(for: learner, timeout: .zero) == [])

    let start = ContinuousClock.now
    // A thread of its own: the tests may occupy all of the pool's.
    Thread.detachNewThread {
      usleep(50_000)
      wakeup.signal()
    }
    #expect(try wakeup.wait(for: learner, timeout: .seconds(30)) == .wakeup)
    #expect(ContinuousClock.now - start < .seconds(29))
  }

  @Test func `a wait to send ends with the connection`() throws {
    let context = try Context()
    let learner = try Socket(.router, in: context)
    let actor = try Socket(.dealer, in: context)
    let wakeup = try Wakeup()
    #expect(try wakeup.wait(for: actor, toSend: true, timeout: .milliseconds(1)) == [])
    try actor.connect(try learner.bind("tcp://127.0.0.1:*"))
    #expect(try wakeup.wait(for: actor, toSend: true, timeout: .seconds(10)) == .send)
  }

  @Test func `an endpoint that is taken is named`() throws {
    let context = try Context()
    let first = try Socket(.router, in: context)
    let endpoint = try first.bind("tcp://127.0.0.1:*")
    let second = try Socket(.router, in: context)
    #expect(throws: ZeroMQError.refused(operation: "binding \(endpoint)", code: EADDRINUSE)) {
      _ = try second.bind(endpoint)
    }
  }

  private func send(_ parts: [[UInt8]], on socket: borrowing Socket) throws {
    try eventually("room to send") { try socket.send(parts) == .sent }
  }

  private func receive(on socket: borrowing Socket, parts: Int) throws -> [[UInt8]] {
    let wakeup = try Wakeup()
    let ready = try wakeup.wait(for: socket, timeout: .seconds(10))
    try #require(ready == .receive, "waited 10 s for a message")
    return try #require(try socket.receive(maximumParts: parts))
  }

  private func eventually(_ what: String, _ condition: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while try !condition() {
      try #require(ContinuousClock.now < deadline, "waited 10 s for \(what)")
      usleep(1_000)
    }
  }
}
