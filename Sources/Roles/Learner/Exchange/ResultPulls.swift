import Records
import Wire

/// Results that one message cannot carry: they are announced, and the learner asks for them piece by piece,
/// as far as it has room: a value told the time, in seconds.
///
/// Of one session one result comes after the other. Those that have delivered have a room of their own, so
/// that nobody who announces much and sends nothing keeps them waiting.
struct ResultPulls: Sendable {
  /// A result that somebody may send, and has not sent yet.
  struct Announced: Sendable {
    let result: UnitResult
    let session: UInt64
    let peer: SessionTable.Peer
  }

  enum Step {
    case wait
    /// All of it is here.
    case whole(Announced, payload: [UInt8])
    /// The session did not send what it was asked for; a clause says how.
    case broken(Announced, String)
  }

  private struct Pull: Sendable {
    let announced: Announced
    /// Pieces that came.
    var here = 0
    /// Pieces that were asked for.
    var asked = 0
    /// When it began, or the last piece came.
    var since: Double
  }

  /// Bytes of results that are on their way or being checked, of those that have delivered and of all
  /// others; a single one may be larger.
  private static let room = 64 << 20
  /// Pieces that are asked for ahead.
  private static let ahead = 4
  /// Seconds in which a piece comes.
  static let patience = 30.0

  /// Of a result that comes in one message, and of each piece of another.
  let pieceBytes: Int
  private var waiting: [Announced] = []
  private var pulls: [UInt64: Pull] = [:]
  /// What has come of each; apart from it, so that nobody else holds the array that grows.
  private var arrived: [UInt64: [UInt8]] = [:]
  private var taken = (proven: 0, others: 0)

  init(pieceBytes: Int) { self.pieceBytes = pieceBytes }

  /// Everything that is kept here.
  var count: Int { waiting.count + pulls.count }

  /// Whether so many bytes come in pieces.
  func comesInPieces(_ byteCount: Int) -> Bool { byteCount > pieceBytes }

  func isAnnounced(_ unit: UnitID, by session: UInt64) -> Bool {
    pulls[session]?.announced.result.unit == unit
      || waiting.contains { $0.session == session && $0.result.unit == unit }
  }

  /// - Returns: false if the session has announced as much as anybody may.
  mutating func announce(_ announced: Announced) -> Bool {
    guard waiting.count(where: { $0.session == announced.session }) < WireLimits.held else {
      return false
    }
    waiting.append(announced)
    return true
  }

  /// What is to be asked for now, and of whom.
  mutating func requests(now: Double) -> [(session: UInt64, request: ChunkRequest)] {
    waiting = waiting.filter { announced in
      guard pulls[announced.session] == nil, take(announced) else { return true }
      pulls[announced.session] = Pull(announced: announced, since: now)
      return false
    }
    return pulls.keys.sorted().flatMap { session in
      var requests: [(session: UInt64, request: ChunkRequest)] = []
      while var pull = pulls[session],
        pull.asked < min(pieces(of: pull).count, pull.here + Self.ahead)
      {
        requests.append(
          (
            session,
            ChunkRequest(whole: pull.announced.result.digest, index: UInt32(pull.asked))
          ))
        pull.asked += 1
        pulls[session] = pull
      }
      return requests
    }
  }

  /// A piece has come.
  ///
  /// - Returns: nil if nobody asked for it.
  mutating func receive(
    _ piece: Chunk, payload: [UInt8], of session: UInt64, now: Double
  ) -> Step? {
    guard let pull = pulls[session], pull.announced.result.digest == piece.whole,
      pull.here < pull.asked
    else { return nil }
    let (pieces, unit) = (pieces(of: pull), pull.announced.result.unit)
    guard piece.index == pull.here, payload.count == pieces[pull.here].count else {
      forget(session)
      return .broken(
        pull.announced,
        "\(unit): piece \(piece.index) with \(payload.count) bytes came, and piece \(pull.here) with"
          + " \(pieces[pull.here].count) was asked for")
    }
    arrived[session, default: []] += payload
    pulls[session]?.here += 1
    pulls[session]?.since = now
    guard pull.here + 1 == pieces.count else { return .wait }
    pulls[session] = nil
    return .whole(pull.announced, payload: arrived.removeValue(forKey: session) ?? [])
  }

  /// A result that had come whole was looked at.
  ///
  /// - Parameter peer: as it was when it announced the result.
  mutating func checked(bytes: Int, of peer: SessionTable.Peer) { give(back: bytes, peer) }

  /// Results of which no piece has come for too long; they are forgotten.
  mutating func late(now: Double) -> [Announced] {
    let sessions = pulls.filter { now - $0.value.since > Self.patience }.keys.sorted()
    return sessions.compactMap { forget($0) }
  }

  /// The session is over.
  mutating func left(_ session: UInt64) {
    forget(session)
    waiting.removeAll { $0.session == session }
  }

  private func pieces(of pull: Pull) -> PayloadPieces {
    PayloadPieces(of: Int(pull.announced.result.byteCount), pieceBytes: pieceBytes)
  }

  @discardableResult
  private mutating func forget(_ session: UInt64) -> Announced? {
    guard let pull = pulls.removeValue(forKey: session) else { return nil }
    arrived[session] = nil
    give(back: Int(pull.announced.result.byteCount), pull.announced.peer)
    return pull.announced
  }

  /// - Returns: false if there is no room now.
  private mutating func take(_ announced: Announced) -> Bool {
    let count = Int(announced.result.byteCount)
    let used = announced.peer.hasDelivered ? taken.proven : taken.others
    guard used == 0 || used + count <= Self.room else { return false }
    give(back: -count, announced.peer)
    return true
  }

  private mutating func give(back count: Int, _ peer: SessionTable.Peer) {
    if peer.hasDelivered { taken.proven -= count } else { taken.others -= count }
  }
}
