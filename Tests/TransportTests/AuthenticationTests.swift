import Glibc
import Testing
import Transport

/// Who is let in: the decision as a value, and what libzmq makes of it.
struct AuthenticationTests {
  let server = KeyPair()
  let member = KeyPair()
  let stranger = KeyPair()

  private var allowed: AllowedKeys {
    AllowedKeys([AllowedKeys.Entry(role: .actor, name: "desk", key: member.publicKey)])
  }

  private let now = WallTime(seconds: 1_800_000_000)

  private func parts(
    version: String = "1.0", domain: String = AuthenticationRequest.domain,
    mechanism: String = "CURVE",
    credentials: [UInt8]? = nil
  ) -> [[UInt8]] {
    [version, "7", domain, "10.0.0.9", "", mechanism].map { Array($0.utf8) }
      + [credentials ?? member.publicKey.bytes]
  }

  @Test func `a key of the list is let in, and named by its digits`() throws {
    let request = try #require(AuthenticationRequest(parts: parts()))
    let decision = AuthenticationDecision(request, allowed: allowed, now: now)
    let answer = decision.parts(to: request)
    #expect(
      answer
        == ["1.0", "7", "200", "OK", "\(member.publicKey)", ""].map { Array($0.utf8) })
  }

  @Test func `everybody else is refused`() throws {
    let learner = AllowedKeys([
      AllowedKeys.Entry(role: .learner, name: "desk", key: member.publicKey)
    ])
    for (parts, list, reason) in [
      (parts(credentials: stranger.publicKey.bytes), allowed, "its key is not in the list"),
      (parts(domain: ""), allowed, "another domain"),
      (parts(mechanism: "NULL"), allowed, "no key"), (parts(mechanism: "PLAIN"), allowed, "no key"),
      (parts(credentials: []), allowed, "no key"),
      (parts(credentials: [UInt8](repeating: 0, count: 33)), allowed, "no key"),
      (parts(), AllowedKeys(), "its key is not in the list"),
      (parts(), nil, "the list of allowed keys cannot be read"),
      (parts(), learner, "its role is learner"),
    ] as [([[UInt8]], AllowedKeys?, String)] {
      let request = try #require(AuthenticationRequest(parts: parts))
      let decision = AuthenticationDecision(request, allowed: list, now: now)
      #expect(decision == .refused(reason: reason))
      let answer = decision.parts(to: request)
      #expect(answer[2] == Array("400".utf8))
      #expect(answer[4].isEmpty, "nobody is named")
    }
  }

  @Test func `a relay is let in as one, and an ended key is not, by the clock that is asked`()
    throws
  {
    let end = now + 60
    let entry = AllowedKeys.Entry(
      role: .relay, name: "rack", key: member.publicKey, expires: end)
    let request = try #require(AuthenticationRequest(parts: parts()))
    func decide(_ now: WallTime) -> AuthenticationDecision {
      AuthenticationDecision(request, allowed: AllowedKeys([entry]), now: now)
    }
    #expect(decide(now) == .allowed(entry))
    #expect(decide(end) == .expired(entry))
    #expect(decide(end).parts(to: request)[2] == Array("400".utf8))
  }

  @Test func `other questions have no answer`() {
    #expect(AuthenticationRequest(parts: []) == nil)
    #expect(AuthenticationRequest(parts: Array(repeating: [], count: 7)) == nil)
    #expect(AuthenticationRequest(parts: parts(version: "2.0")) == nil)
    #expect(AuthenticationRequest(parts: parts() + [[]]) == nil)
    #expect(AuthenticationRequest(parts: Array(parts().prefix(5))) == nil)
  }

  // MARK: With libzmq

  /// Connects as `client` to a server that knows `member` and returns the first telling event.
  private func join(
    _ client: SocketSecurity, server security: SocketSecurity, answering: Bool = true
  ) throws -> (event: ConnectionEvent, key: PublicKey?) {
    let context = try Context()
    let door = try Socket(.reply, in: context)
    if answering { _ = try door.bind("inproc://zeromq.zap.01") }
    var options = SocketOptions()
    options.security = security
    let router = try Socket(.router, in: context, options: options)
    let endpoint = try router.bind("tcp://127.0.0.1:*")
    options.security = client
    let dealer = try Socket(.dealer, in: context, options: options)
    let monitor = try ConnectionMonitor(dealer, in: context)
    defer { dealer.endMonitoring() }
    try dealer.connect(endpoint)
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
      if let question = try door.receive(maximumParts: AuthenticationRequest.partCount) {
        let request = try #require(AuthenticationRequest(parts: question))
        #expect(request.address == "127.0.0.1")
        _ = try door.send(
          AuthenticationDecision(request, allowed: allowed, now: now).parts(to: request))
      }
      while let event = try monitor.next() {
        switch event {
        case .connected, .notConnected, .disconnected: continue
        case .handshakeSucceeded:
          while try dealer.send([[1]]) != .sent, ContinuousClock.now < deadline { usleep(1_000) }
          while ContinuousClock.now < deadline {
            if let arrival = try router.receiveFromPeer(maximumParts: 2) {
              #expect(arrival.parts[1] == [1])
              return (event, arrival.key)
            }
            usleep(1_000)
          }
        default: return (event, nil)
        }
      }
      usleep(1_000)
    }
    Issue.record("nothing happened for 20 s")
    return (.notConnected, nil)
  }

  @Test func `a known key joins, and its messages carry it`() throws {
    let (event, key) = try join(
      .client(member, server: server.publicKey), server: .server(server))
    #expect(event == .handshakeSucceeded)
    #expect(key == member.publicKey)
  }

  @Test func `an unknown key is told so`() throws {
    #expect(
      try join(.client(stranger, server: server.publicKey), server: .server(server)).event
        == .refused)
  }

  @Test func `another server's key ends the handshake`() throws {
    #expect(
      try join(.client(member, server: stranger.publicKey), server: .server(server)).event
        == .handshakeFailed)
  }

  @Test func `one side in plaintext`() throws {
    #expect(try join(.plaintext, server: .server(server)).event == .mechanismsDiffer)
    #expect(
      try join(.client(member, server: server.publicKey), server: .plaintext).event
        == .mechanismsDiffer)
  }

  /// Without this a learner whose gatekeeper has died would let in everybody.
  @Test func `where nobody answers nobody comes in`() throws {
    #expect(
      try join(
        .client(member, server: server.publicKey), server: .server(server), answering: false
      ).event == .handshakeFailed)
  }
}

struct EndpointAddressTests {
  @Test(arguments: [
    "tcp://127.0.0.1:*", "tcp://127.3.2.1:5555", "tcp://localhost:5555", "tcp://[::1]:5555",
    "ipc:///tmp/x", "ipc://relative",
  ]) func `this machine alone`(text: String) {
    #expect(EndpointAddress(text)?.isLocal == true)
    #expect(EndpointAddress(text)?.description == text)
  }

  @Test(arguments: [
    "tcp://0.0.0.0:5555", "tcp://*:5555", "tcp://10.0.0.5:1", "tcp://[::]:5555", "tcp://lo:5555",
    "tcp://[::ffff:127.0.0.1]:5555", "tcp://127.0.0.1.example.org:5555", "tcp://127.:5555",
    "tcp://example.org:5555",
  ]) func `anybody`(text: String) { #expect(EndpointAddress(text)?.isLocal == false) }

  @Test(arguments: [
    "", "tcp://", "tcp://:5555", "tcp://host", "tcp://host:", "tcp://host:65536", "tcp://host:-1",
    "tcp://host:5555/x", "tcp://a;b:5555", "tcp://::1:5555", "tcp://ho st:5555", "10.0.0.5:5555",
    "inproc://x", "udp://1.2.3.4:5", "ipc://", "ipc://*", "ipc://a\0b", "TCP://host:1",
  ]) func `no endpoint`(text: String) { #expect(EndpointAddress(text) == nil) }

  @Test func `what can be connected to`() {
    #expect(EndpointAddress("tcp://host:5555")?.isSpecific == true)
    #expect(EndpointAddress("tcp://host:*")?.isSpecific == false)
    #expect(EndpointAddress("tcp://*:5555")?.isSpecific == false)
  }

  @Test func `names that lead nowhere`() throws {
    #expect(throws: ResolutionError.self) {
      _ = try EndpointAddress("tcp://no-such-host.invalid:1")?.places()
    }
    for text in ["tcp://127.0.0.1:1", "tcp://[::1]:1", "ipc:///x"] {
      let address = EndpointAddress(text)
      let places = try address?.places()
      #expect(places == address.map { [$0] })
    }
  }
}
