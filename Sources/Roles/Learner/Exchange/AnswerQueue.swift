package import Records
package import Transport
package import Wire

/// Questions whose answers are large: a value that says which to answer now.
///
/// Each peer has at most two such answers on their way; its next question waits until its connection
/// has taken one of them. So whoever asks and does not read costs the learner two chunks, however much
/// it asks for.
package struct AnswerQueue {
  package typealias PeerID = Reception.PeerID

  package enum Question: Sendable {
    case manifest(PolicyVersion)
    case packing(PackingRequest)
    case chunk(ChunkRequest)
  }

  private struct Line {
    var onTheWay = 0
    var waiting: [(session: UInt64, question: Question)] = []
  }

  package static let mostOnTheWay = 2
  /// Questions of one peer; more are dropped, and an actor asks again.
  package static let mostWaiting = 64

  private var lines: [PeerID: Line] = [:]

  package init() {}

  /// Questions that wait, and answers on their way.
  var count: Int { lines.reduce(0) { $0 + $1.value.onTheWay + $1.value.waiting.count } }

  /// - Returns: false for one question too many.
  package mutating func ask(_ question: Question, _ session: UInt64, of peer: PeerID) -> Bool {
    guard lines[peer, default: Line()].waiting.count < Self.mostWaiting else { return false }
    lines[peer, default: Line()].waiting.append((session, question))
    return true
  }

  /// The question to answer now; the answer is on its way then, until ``taken(by:)``.
  package mutating func next(of peer: PeerID) -> (session: UInt64, question: Question)? {
    guard let line = lines[peer], !line.waiting.isEmpty, begins(for: peer) else { return nil }
    return lines[peer]?.waiting.removeFirst()
  }

  /// Whether an answer to something else may go now; it is on its way then.
  package mutating func begins(for peer: PeerID) -> Bool {
    guard lines[peer, default: Line()].onTheWay < Self.mostOnTheWay else { return false }
    lines[peer, default: Line()].onTheWay += 1
    return true
  }

  /// The peer's connection has taken an answer, or is gone with it.
  package mutating func taken(by peer: PeerID) {
    guard var line = lines[peer] else { return }
    line.onTheWay -= 1
    lines[peer] = line.onTheWay == 0 && line.waiting.isEmpty ? nil : line
  }

  /// The session is over: its questions need no answer.
  package mutating func forget(_ session: UInt64, of peer: PeerID) {
    guard var line = lines[peer] else { return }
    line.waiting.removeAll { $0.session == session }
    lines[peer] = line.onTheWay == 0 && line.waiting.isEmpty ? nil : line
  }
}
