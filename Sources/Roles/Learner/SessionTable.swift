import Records
import Transport
import Wire

/// Who is connected, by session and by route: a value that says who is who.
struct SessionTable {
  struct Peer: Sendable {
    var routingID: [UInt8]
    var name: String
    /// The actor process.
    var life: String
    /// The key that it has shown; nil where nobody is asked for one.
    var key: PublicKey?
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

  /// Opens a session with a number that nobody can guess.
  mutating func open(_ peer: Peer) -> UInt64 {
    var session = UInt64.random(in: 1 ... .max)
    while peers[session] != nil { session = .random(in: 1 ... .max) }
    peers[session] = peer
    sessionOfRoute[peer.routingID] = session
    return session
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
