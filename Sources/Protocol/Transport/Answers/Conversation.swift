/// One connection of the responder, from its first byte to its end: a value that is told what happens and the time.
///
/// One question, one answer. Whoever takes longer than ``patience`` for both is cut off.
package struct Conversation {
  private enum Stage {
    case asking(RequestHead)
    case answering(ArraySlice<UInt8>)
    /// All is said; what still comes is thrown away, so that the answer is not lost with it.
    case parting(heard: Int)
    case over
  }

  /// Seconds from its beginning to its end.
  package static let patience = 5.0
  /// Bytes that are thrown away after an answer.
  private static let mostIgnored = 4 << 20

  package let began: Double
  private var stage = Stage.asking(RequestHead())

  package init(now: Double) { began = now }

  /// Whether the question has not come yet: who does not ask makes room for others.
  package var isAsking: Bool { if case .asking = stage { true } else { false } }

  package var isOver: Bool { if case .over = stage { true } else { false } }

  /// What is to be sent; empty where nothing is.
  package var rest: ArraySlice<UInt8> { if case .answering(let rest) = stage { rest } else { [] } }

  package func isLate(now: Double) -> Bool { now - began > Self.patience }

  /// Bytes came.
  ///
  /// - Parameter answer: asked for the page of a path.
  package mutating func received(_ bytes: some Collection<UInt8>, answer: (String) -> HTTPAnswer) {
    switch stage {
    case .asking(var head):
      switch head.add(bytes) {
      case .incomplete: stage = .asking(head)
      case .asks(let path, let wantsBody):
        stage = .answering(answer(path).encoded(withBody: wantsBody)[...])
      case .refused(let status): stage = .answering(HTTPAnswer.refusal(status).encoded()[...])
      }
    case .parting(let heard):
      stage = heard + bytes.count > Self.mostIgnored ? .over : .parting(heard: heard + bytes.count)
    case .answering, .over: break
    }
  }

  /// So many bytes of ``rest`` are sent.
  ///
  /// - Returns: whether that was all, and the other side is to be told so.
  package mutating func sent(_ count: Int) -> Bool {
    guard case .answering(let rest) = stage else { return false }
    let left = rest.dropFirst(count)
    stage = left.isEmpty ? .parting(heard: 0) : .answering(left)
    return left.isEmpty
  }

  /// The other side sends nothing any more; who has asked may still listen.
  package mutating func ended() { if rest.isEmpty { stage = .over } }

  /// The connection is broken.
  package mutating func broke() { stage = .over }
}
