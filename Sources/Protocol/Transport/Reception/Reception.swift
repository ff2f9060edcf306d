package import Bytes
import CSystem
import Dispatch
import Glibc
import Synchronization

/// Where peers come in: takes the connections at the public endpoint, on a thread of its own, and
/// relays the bytes of each to the learner's socket, which listens inside the process alone.
///
/// libzmq takes every connection and all that a peer sends before its message ends. Here both have
/// limits: so many connections as there are descriptors for, with some left over for files; so many of
/// them that are not welcome yet, of which any one makes room for the next; and of each the bytes that
/// ``InboundCredit`` allows. A peer that does not read what it asked for is cut off, too.
package final class Reception: @unchecked Sendable {
  // `@unchecked`: what is not constant, atomic or in the mutex is touched by the thread alone.
  package typealias PeerID = InboundCredit.PeerID

  private struct Newcomer {
    var address: String
    var since: Double
  }

  private struct Shared {
    var credit: InboundCredit
    /// Connected and not welcome, or no longer.
    var newcomers: [PeerID: Newcomer] = [:]
    var addresses: [PeerID: String] = [:]
    /// Where inner connections are made to.
    var innerName: String
  }

  /// Seconds in which a peer has to be welcome, and again after it was dismissed.
  private static let greetingTime = 10.0
  /// Seconds in which it has to say anything at all.
  private static let firstWordTime = 5.0
  /// Seconds for which a peer may take nothing of what waits for it.
  private static let readingTime = 15.0
  private static let listening: UInt64 = 0
  private static let woken: UInt64 = 1

  /// Where peers connect to, wildcards resolved.
  package let endpoint: String
  /// Where the learner's socket has to be bound at first, with ``SocketOptions/isPrivate``.
  package let innerEndpoint: String

  private let limits: ReceptionLimits
  private var listener: PublicListener?
  private let epoll: Epoll
  private let wakeup: Wakeup
  private let shared: Mutex<Shared>
  private let clock = ContinuousClock()
  private let start = ContinuousClock.now
  private let ended = DispatchSemaphore(value: 0)
  private let isEnding = Atomic<Bool>(false)
  /// What the inner connections are called: this and a peer's number.
  private let peerPrefix: [UInt8]
  private let notice: @Sendable (String) -> Void

  private var relays: [PeerID: Relay] = [:]
  private var lastID: PeerID = 0
  private var isAccepting = true
  private var acceptsAgain = 0.0
  /// Connections that may be taken now: each costs the learner's processor, too.
  private var arrivals = TokenBucket(rate: 500, burst: 256)
  private var lastNotice = -Double.infinity
  /// When something was last passed on to a peer.
  private var lastOut = 0.0
  private let buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: Relay.stretch, alignment: 64)

  /// Listens; connections wait until ``run()``.
  ///
  /// - Parameter notice: told of peers that were cut off, at most one line in ten seconds.
  package init(
    at address: EndpointAddress, limits: ReceptionLimits, credit: InboundCredit.Limits = .init(),
    notice: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(FileError) {
    let listener = try PublicListener(at: address, backlog: 1_024)
    endpoint = listener.endpoint
    self.listener = consume listener
    self.limits = limits
    self.notice = notice
    epoll = try Epoll()
    wakeup = try Wakeup()
    let nonce = String(UInt64.random(in: .min ... .max), radix: 16)
    let innerName = "@tributary-\(getpid())-\(nonce)"
    shared = Mutex(Shared(credit: InboundCredit(credit), innerName: innerName))
    innerEndpoint = "ipc://\(innerName)"
    peerPrefix = [0] + Array("tributary-\(nonce)-".utf8)
  }

  deinit { buffer.deallocate() }

  // MARK: For whoever reads the learner's socket

  package func run() throws(ThreadRefused) {
    try ThreadStart.run("reception") { [self] in
      loop()
      ended.signal()
    }
  }

  /// Passes on what the learner's socket still says, and ends every connection.
  package func finish() {
    isEnding.store(true, ordering: .relaxed)
    wakeup.signal()
    ended.wait()
  }

  /// Has those who connect from now on meet the learner's socket at another place, where it is bound by `bind`.
  package func move(bind: (String) throws(ZeroMQError) -> Void) throws(ZeroMQError) {
    let name = "@tributary-\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 16))"
    try bind("ipc://\(name)")
    shared.withLock { $0.innerName = name }
  }

  /// Whose connection a message came by; nil if that is closed by now.
  package func peer(of arrival: Arrival) -> PeerID? {
    arrival.descriptor.flatMap { LocalAddress(peerOf: $0) }?.number(after: peerPrefix)
  }

  /// Where the peer connects from, without the port; "?" where nobody knows.
  package func host(of peer: PeerID) -> String { shared.withLock { $0.addresses[peer] } ?? "?" }

  /// A message of this peer was read.
  package func read(_ arrival: Arrival, of peer: PeerID) {
    let parts = max(0, arrival.partCount - 1)
    let cost = arrival.wireBytes + parts * ZMTP.partBytes
    let someoneWaits = shared.withLock { $0.credit.read(cost, of: peer, now: now) }
    if someoneWaits { wakeup.signal() }
  }

  /// All messages that there were are read.
  package func caughtUp() { shared.withLock { $0.credit.caughtUp(now: now) } }

  /// The peer is one of ours.
  package func welcome(_ peer: PeerID) {
    shared.withLock {
      $0.credit.becomes(peer, .welcome)
      $0.newcomers[peer] = nil
    }
  }

  /// The peer, who is welcome, has done work.
  package func proven(_ peer: PeerID) {
    shared.withLock { if $0.newcomers[peer] == nil { $0.credit.becomes(peer, .proven) } }
  }

  /// The peer is no longer one of ours; its connection ends soon if it does not become so again.
  package func dismiss(_ peer: PeerID) {
    shared.withLock {
      guard let address = $0.addresses[peer] else { return }
      $0.credit.becomes(peer, .newcomer)
      $0.newcomers[peer] = Newcomer(address: address, since: now)
    }
  }

  /// The hosts of those who are connected and not welcome.
  package var hostsOfNewcomers: Set<String> {
    shared.withLock { Set($0.newcomers.values.map(\.address)) }
  }

  private var now: Double { start.duration(to: clock.now) / .seconds(1) }

  // MARK: The thread

  private func loop() {
    defer {
      relays = [:]
      listener = nil
    }
    guard let listening = listener?.descriptor,
      epoll.add(listening, Epoll.readable, number: Self.listening),
      epoll.add(wakeup.descriptor, Epoll.readable, number: Self.woken)
    else { return notice("! nobody can connect: the kernel takes no descriptors to watch") }
    var nextTick = 0.0
    var end = Double.infinity
    while now < end {
      for (number, events) in epoll.wait(milliseconds: end.isFinite ? 10 : 100) {
        switch number {
        case Self.listening: accept()
        case Self.woken:
          wakeup.drain()
          resume()
        default: move(number, events)
        }
      }
      if isEnding.load(ordering: .relaxed) {
        if end.isInfinite {
          end = now + 1
          lastOut = now
          epoll.change(listening, 0, number: Self.listening)
        }
        if now - lastOut > 0.1, !relays.values.contains(where: \.hasLeftovers) { return }
      }
      if now >= nextTick {
        nextTick = now + 0.1
        tick(listening)
      }
    }
  }

  /// Both sides of a relay have numbers: twice its own, and one more for the inner one.
  private func move(_ number: UInt64, _ events: UInt32) {
    guard let relay = relays[number / 2] else { return }
    let isInner = number % 2 == 1
    if events & (Epoll.readable | Epoll.broken) != 0 {
      isInner ? moveOut(relay) : moveIn(relay)
    }
    if events & Epoll.writable != 0, relays[relay.id] != nil {
      isInner ? moveIn(relay) : moveOut(relay)
    }
    // Who is not listened to and is gone would be reported again and again.
    guard events & Epoll.broken != 0, relays[relay.id] != nil else { return }
    if !isInner, relay.wantedOuter & Epoll.readable == 0 {
      close(relay)
    } else if isInner, relay.inner >= 0, relay.hasLeftovers {
      relay.takeRest(buffer)
      relay.endInside()
      watch(relay)
    }
  }

  private func moveIn(_ relay: Relay) {
    let flow = relay.moveIn(
      buffer,
      room: { shared.withLock { $0.credit.room(of: relay.id, now: now) } },
      took: { count, parts in
        let cost = count + parts * ZMTP.partBytes
        shared.withLock { $0.credit.took(cost, from: relay.id, now: now) }
      },
      connect: { connectInside(relay) })
    if case .ended = flow { return close(relay) }
    watch(relay)
  }

  private func moveOut(_ relay: Relay) {
    lastOut = now
    if case .ended = relay.moveOut(buffer, now: now) {
      if relay.isEnding || relay.inner < 0 || !relay.hasLeftovers { return close(relay) }
      relay.endInside()
    } else if relay.isEnding, !relay.hasLeftovers {
      return close(relay)
    }
    watch(relay)
  }

  private func watch(_ relay: Relay) {
    if relay.outerInterest != relay.wantedOuter {
      relay.outerInterest = relay.wantedOuter
      epoll.change(relay.outer, relay.outerInterest, number: 2 * relay.id)
    }
    if relay.inner >= 0, relay.innerInterest != relay.wantedInner {
      relay.innerInterest = relay.wantedInner
      epoll.change(relay.inner, relay.innerInterest, number: 2 * relay.id + 1)
    }
  }

  private func connectInside(_ relay: Relay) -> CInt {
    let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let inner = socket(AF_UNIX, kind, 0)
    guard inner >= 0 else { return -1 }
    let isUp =
      LocalAddress(number: relay.id, after: peerPrefix).withPointer { bind(inner, $0, $1) == 0 }
      && LocalAddress(shared.withLock { $0.innerName })?.withPointer { connect(inner, $0, $1) == 0 }
        == true
      && epoll.add(inner, Epoll.readable, number: 2 * relay.id + 1)
    if !isUp { Glibc.close(inner) }
    return isUp ? inner : -1
  }

  private func close(_ relay: Relay) {
    relays[relay.id] = nil
    shared.withLock {
      $0.credit.closed(relay.id)
      $0.newcomers[relay.id] = nil
      $0.addresses[relay.id] = nil
    }
  }

  /// Those who waited for room ask again.
  private func resume() {
    for peer in shared.withLock({ $0.credit.takeWaiting() }) {
      if let relay = relays[peer] { moveIn(relay) }
    }
  }

  private func tick(_ listening: CInt) {
    resume()
    for peer in shared.withLock({ $0.credit.takeDelayed() }) {
      if let relay = relays[peer] { moveIn(relay) }
    }
    let (offenders, late) = shared.withLock { shared in
      (
        shared.credit.offenders(now: now),
        shared.newcomers.filter { now - $0.value.since > Self.greetingTime }.map(\.key)
      )
    }
    for peer in offenders { cut(peer, "has sent more than any message may have") }
    for peer in late { if let relay = relays[peer] { close(relay) } }
    for relay in relays.values {
      if relay.isSilent, now - relay.since > Self.firstWordTime { close(relay) }
      if let since = relay.stuckSince, now - since > Self.readingTime {
        cut(relay.id, "does not read what it asked for")
      }
    }
    if !isAccepting, now >= acceptsAgain, mayTakeOneMore() {
      isAccepting = true
      epoll.change(listening, Epoll.readable, number: Self.listening)
    }
  }

  private func cut(_ peer: PeerID, _ reason: String) {
    guard let relay = relays[peer] else { return }
    if now - lastNotice > 10 {
      lastNotice = now
      let address = host(of: peer)
      notice("! the connection of a peer at \(address) is cut: it \(reason)")
    }
    close(relay)
  }

  // MARK: Arrivals

  private func mayTakeOneMore() -> Bool {
    relays.count < limits.connections || shared.withLock { !$0.newcomers.isEmpty }
  }

  /// Nobody is preferred among those who are not welcome yet: with any rule a flood would be.
  private func sendOneAway() {
    let chosen = shared.withLock { $0.newcomers.keys.randomElement() }
    if let chosen, let relay = relays[chosen] { close(relay) }
  }

  private func pauseAccepting(_ listening: CInt) {
    isAccepting = false
    acceptsAgain = now + 0.1
    epoll.change(listening, 0, number: Self.listening)
  }

  private func accept() {
    guard let listening = listener?.descriptor else { return }
    // A bounded number, so that those who are in are not kept waiting.
    for _ in 0..<16 {
      guard mayTakeOneMore(), arrivals.level(now: now) >= 1 else {
        return pauseAccepting(listening)
      }
      var storage = sockaddr_storage()
      var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let descriptor = withUnsafeMutablePointer(to: &storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          accept4(
            listening, $0, &size, CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue))
        }
      }
      guard descriptor >= 0 else {
        switch errno {
        case EAGAIN: return
        case EINTR, ECONNABORTED, EPROTO: continue
        default:
          // No descriptors or no memory: whoever knocks waits.
          sendOneAway()
          return pauseAccepting(listening)
        }
      }
      arrivals.take(1)
      take(descriptor, NetworkAddress(&storage, size: size))
    }
  }

  private func take(_ descriptor: CInt, _ address: NetworkAddress) {
    let newcomers = shared.withLock { $0.newcomers.count }
    if newcomers >= limits.newcomers || relays.count >= limits.connections { sendOneAway() }
    var yes: CInt = 1
    let isLocal = address.family == AF_UNIX
    if !isLocal {
      setsockopt(
        descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<CInt>.size))
    }
    lastID += 1
    let relay = Relay(id: lastID, outer: descriptor, since: now)
    guard epoll.add(descriptor, Epoll.readable, number: 2 * lastID) else { return }
    relays[lastID] = relay
    let host = isLocal ? "this machine" : address.host
    shared.withLock {
      $0.credit.opened(lastID, now: now)
      $0.addresses[lastID] = host
      $0.newcomers[lastID] = Newcomer(address: host, since: now)
    }
  }
}

/// How many connections a reception takes.
package struct ReceptionLimits: Hashable, Sendable {
  /// At once.
  package var connections: Int
  /// Of those, connections of peers that are not welcome yet.
  package var newcomers: Int

  package init(connections: Int, newcomers: Int) {
    self.connections = connections
    self.newcomers = newcomers
  }

  /// What this process can hold, its limit raised as far as it may be.
  ///
  /// - Throws: ``TooFewFiles``.
  package init(ofThisProcess sessions: Int) throws(TooFewFiles) {
    let (files, inUse) = (OpenFileLimit.raise(), OpenFileLimit.inUse)
    guard let limits = ReceptionLimits(files: files, inUse: inUse, sessions: sessions) else {
      throw TooFewFiles(files: files, needed: inUse + 24, purpose: "taking connections")
    }
    self = limits
  }

  /// What a process can hold: every connection takes three descriptors, and some are left for files.
  ///
  /// - Parameters:
  ///   - files: descriptors that the process may hold.
  ///   - inUse: those that it holds already.
  ///   - sessions: peers that are to be welcome at once, at most.
  /// - Returns: nil where that is too few.
  package init?(files: Int, inUse: Int, sessions: Int) {
    let reserve = files < 256 ? 12 : 64
    let newcomersAtMost = 128
    let connections = min(sessions + newcomersAtMost, (files - inUse - reserve) / 3)
    guard connections >= 4 else { return nil }
    self.connections = connections
    newcomers = min(newcomersAtMost, max(2, connections / 3))
  }
}
