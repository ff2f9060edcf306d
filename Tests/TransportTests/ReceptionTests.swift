import Bytes
import Glibc
import Synchronization
import TestSupport
import Testing
import Transport

/// Connections that are taken, relayed, and cut.
@Suite(.serialized) struct ReceptionTests {
  private static let waiting = Duration.seconds(30)

  /// A ROUTER behind a reception, read by whoever asks.
  private final class Place {
    let reception: Reception
    let router: Socket

    init(
      _ limits: ReceptionLimits = ReceptionLimits(connections: 16, newcomers: 8),
      credit: InboundCredit.Limits = .init()
    ) throws {
      let context = try Context()
      var options = SocketOptions()
      options.isPrivate = true
      router = try Socket(.router, in: context, options: options)
      reception = try Reception(
        at: #require(EndpointAddress("tcp://127.0.0.1:*")), limits: limits, credit: credit)
      _ = try router.bind(reception.innerEndpoint)
      try reception.run()
    }

    /// The next message; every one that came counts as read, and its sender as welcome.
    func next() throws -> Arrival? {
      guard let arrival = try router.receiveFromPeer(maximumParts: 3) else {
        reception.caughtUp()
        return nil
      }
      if let peer = reception.peer(of: arrival) {
        reception.read(arrival, of: peer)
        reception.welcome(peer)
      }
      return arrival
    }

    func await() throws -> Arrival {
      let deadline = ContinuousClock.now + ReceptionTests.waiting
      while ContinuousClock.now < deadline {
        if let arrival = try next() { return arrival }
        usleep(1_000)
      }
      throw Late(what: "a message")
    }
  }

  private struct Late: Error { let what: String }

  private static func send(_ parts: [[UInt8]], on socket: borrowing Socket) throws {
    let deadline = ContinuousClock.now + waiting
    while try socket.send(parts) != .sent {
      guard ContinuousClock.now < deadline else { throw Late(what: "room to send") }
      usleep(1_000)
    }
  }

  /// A plain connection to a reception.
  private final class Link {
    let descriptor: CInt

    init(to endpoint: String) throws {
      let port = try #require(endpoint.split(separator: ":").last.flatMap { UInt16($0) })
      descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      let status = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      try #require(status == 0)
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8]) -> Int {
      Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL))
    }

    /// Whether the other side has closed it; reads on.
    var isClosed: Bool {
      var bytes = [UInt8](repeating: 0, count: 4_096)
      let count = recv(descriptor, &bytes, bytes.count, 0)
      return count == 0 || count < 0 && errno != EAGAIN
    }

    func awaitClose() throws {
      let deadline = ContinuousClock.now + ReceptionTests.waiting
      while !isClosed {
        guard ContinuousClock.now < deadline else { throw Late(what: "the end of a connection") }
        usleep(1_000)
      }
    }

    /// A whole greeting of ZMTP 3.1 without encryption, as a DEALER.
    func greet() {
      let greeting: [UInt8] = [0xff] + Array(repeating: 0, count: 8) + [0x7f, 3, 1]
      _ = write(greeting + Array("NULL".utf8) + Array(repeating: 0, count: 16 + 32))
      // libzmq hears nothing that comes before its own greeting is out.
      var heard = 0
      var bytes = [UInt8](repeating: 0, count: 64)
      let deadline = ContinuousClock.now + .seconds(60)
      while heard < 64, ContinuousClock.now < deadline {
        let count = recv(descriptor, &bytes, 64 - heard, 0)
        if count > 0 { heard += count } else { usleep(1_000) }
      }
      let ready = [5] + Array("READY".utf8) + [11] + Array("Socket-Type".utf8) + [0, 0, 0, 6]
      let body = ready + Array("DEALER".utf8)
      _ = write([4, UInt8(body.count)] + body)
    }
  }

  @Test func `messages pass both ways, whole and in order`() throws {
    let place = try Place()
    defer { place.reception.finish() }
    let dealer = try Socket(.dealer, in: Context())
    try dealer.connect(place.reception.endpoint)
    for size in [0, 1, 255, 256, 70_000, 1_048_576] {
      let part = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      try Self.send([[UInt8(size & 255)], part], on: dealer)
      let arrival = try place.await()
      #expect(arrival.parts[1...] == [[UInt8(size & 255)], part])
      #expect(place.reception.peer(of: arrival) != nil)
      #expect(try place.router.send([arrival.parts[0], part]) == .sent)
      let deadline = ContinuousClock.now + Self.waiting
      var answer: [[UInt8]]?
      while answer == nil, ContinuousClock.now < deadline {
        answer = try dealer.receive(maximumParts: 2)
        usleep(500)
      }
      #expect(answer == [part])
    }
  }

  @Test func `a message without an end is cut, and others go on`() throws {
    var credit = InboundCredit.Limits()
    credit.patience = 0.2
    let place = try Place(credit: credit)
    defer { place.reception.finish() }
    let link = try Link(to: place.reception.endpoint)
    link.greet()
    // One whole message, so that the peer is welcome.
    _ = link.write([0, 1, 9])
    #expect(try place.await().parts[1] == [9])
    let part: [UInt8] = [3, 0, 0, 0, 0, 0, 1, 0, 0] + Array(repeating: 0, count: 65_536)
    let deadline = ContinuousClock.now + Self.waiting
    var sent = 0
    while !link.isClosed {
      try #require(
        ContinuousClock.now < deadline, "waited 30 s for a message without an end to be cut")
      #expect(try place.next() == nil)
      let count = link.write(Array(part[(sent % part.count)...]))
      if count > 0 { sent += count } else { usleep(1_000) }
    }
    // Its own room, and what fits the buffers of two connections.
    #expect(sent < 24 << 20)
    let dealer = try Socket(.dealer, in: Context())
    try dealer.connect(place.reception.endpoint)
    try Self.send([[1]], on: dealer)
    #expect(try place.await().parts[1] == [1])
  }

  @Test func `whoever is not welcome makes room for the next, and whoever is stays`() throws {
    let place = try Place(ReceptionLimits(connections: 4, newcomers: 2))
    defer { place.reception.finish() }
    let dealer = try Socket(.dealer, in: Context())
    try dealer.connect(place.reception.endpoint)
    try Self.send([[1]], on: dealer)
    _ = try place.await()
    let links = try (0..<20).map { _ in try Link(to: place.reception.endpoint) }
    let deadline = ContinuousClock.now + Self.waiting
    while links.count(where: \.isClosed) < 18 {
      try #require(
        ContinuousClock.now < deadline, "waited 30 s for most of 20 strangers to be sent away")
      usleep(1_000)
    }
    try Self.send([[2]], on: dealer)
    #expect(try place.await().parts[1] == [2])
  }

  @Test func `what the socket still says at its end arrives`() throws {
    let place = try Place()
    let dealer = try Socket(.dealer, in: Context())
    try dealer.connect(place.reception.endpoint)
    try Self.send([[1]], on: dealer)
    let route = try place.await().parts[0]
    #expect(try place.router.send([route, [7]]) == .sent)
    place.reception.finish()
    let deadline = ContinuousClock.now + Self.waiting
    while ContinuousClock.now < deadline {
      if let parts = try dealer.receive(maximumParts: 1) {
        #expect(parts == [[7]])
        return
      }
      usleep(1_000)
    }
    Issue.record("waited 30 s for the last word")
  }

  @Test(
    arguments: [
      (1_024, 30, 256, 310, 103), (4_096, 30, 256, 384, 128), (256, 30, 256, 54, 18),
      (64, 24, 256, 9, 3), (32, 20, 256, nil, nil), (16, 12, 256, nil, nil),
    ] as [(Int, Int, Int, Int?, Int?)])
  func `limits follow from the descriptors there are`(
    files: Int, inUse: Int, sessions: Int, connections: Int?, newcomers: Int?
  ) {
    let limits = ReceptionLimits(files: files, inUse: inUse, sessions: sessions)
    #expect(limits?.connections == connections)
    #expect(limits?.newcomers == newcomers)
  }

  @Test func `a thread runs, and too few descriptors are a sentence`() throws {
    let name = "a test"
    let ran = Mutex(false)
    try ThreadStart.run(name) { ran.withLock { $0 = true } }
    let deadline = ContinuousClock.now + Self.waiting
    while !ran.withLock({ $0 }), ContinuousClock.now < deadline { usleep(1_000) }
    #expect(ran.withLock { $0 })
    // No kernel gives a stack of that size.
    #expect(throws: ThreadRefused.self) {
      try ThreadStart.run(name, stackBytes: 1 << 46) {}
    }
  }
}
