import Records
import Transport
import Wire

/// Who is connected, by session and by route: a value that says who is who.
struct SessionTable {
  struct Peer: Sendable {
    var routingID: [UInt8]
    var connection: Reception.PeerID
    var name: String
    /// The actor process.
    var life: String
    /// The key that it has shown; nil where nobody is asked for one.
    var key: PublicKey?
    /// Who answers for what it sends.
    var party: LeaseTable.Party
    /// Whether it has the run folder's own key, or nobody is asked for one.
    var isOwn: Bool
    /// When the session was opened, in seconds.
    var since: Double
    /// Whether it has asked for work, or said that it has some.
    var takesPart = false
    /// Whether a result of it was chosen.
    var hasDelivered = false
    /// Messages sent in this session.
    var sequence: UInt64 = 0
  }

  private(set) var peers: [UInt64: Peer] = [:]
  private var sessionOfRoute: [[UInt8]: UInt64] = [:]

  subscript(_ session: UInt64) -> Peer? { peers[session] }

  func session(of route: [UInt8]) -> UInt64? { sessionOfRoute[route] }

  /// The sessions of one actor process.
  func sessions(ofLife life: String) -> [UInt64] {
    peers.filter { $0.value.life == life }.map(\.key).sorted()
  }

  func sessions(ofParty party: LeaseTable.Party) -> [UInt64] {
    peers.filter { $0.value.party == party }.map(\.key).sorted()
  }

  /// Opens a session.
  ///
  /// - Parameter number: one that nobody can guess.
  mutating func open(_ peer: Peer, _ number: UInt64) -> UInt64 {
    // Zero is none.
    var session = max(1, number)
    while peers[session] != nil { session = max(1, session &+ 1) }
    peers[session] = peer
    sessionOfRoute[peer.routingID] = session
    return session
  }

  mutating func takesPart(_ session: UInt64) { peers[session]?.takesPart = true }

  mutating func delivered(_ session: UInt64) { peers[session]?.hasDelivered = true }

  /// Seconds in which a session asks for work, and in which it delivers the first.
  private static let patience = (work: 5.0, result: 60.0)

  /// The session whose end costs least: the oldest of those that have never asked for work, or else of
  /// those that have had a minute and delivered nothing.
  func idle(now: Double) -> UInt64? {
    func oldest(_ isMeant: (Peer) -> Bool) -> UInt64? {
      peers.filter { !$0.value.hasDelivered && isMeant($0.value) }
        .min { ($0.value.since, $0.key) < ($1.value.since, $1.key) }?.key
    }
    return oldest { !$0.takesPart && now - $0.since > Self.patience.work }
      ?? oldest { now - $0.since > Self.patience.result }
  }

  mutating func close(_ session: UInt64) -> Peer? {
    guard let peer = peers.removeValue(forKey: session) else { return nil }
    if sessionOfRoute[peer.routingID] == session { sessionOfRoute[peer.routingID] = nil }
    return peer
  }

  /// Where the session's next message goes, and its number.
  mutating func next(_ session: UInt64) -> (route: [UInt8], sequence: UInt64)? {
    guard let peer = peers[session] else { return nil }
    peers[session]?.sequence += 1
    return (peer.routingID, peer.sequence + 1)
  }
}
