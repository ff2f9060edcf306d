import Ledger
package import Records
import Tasks
package import Wire

/// The pull of one thing that a configuration names by its digest, piece by piece: a list of prompts, or what
/// an adapter is added to. A value that says what to ask next.
package struct ListPull: Sendable {
  package enum Step: Hashable, Sendable {
    case ask(ChunkRequest)
    /// All of it is here and has the digest.
    case done([UInt8])
    case failed(String)
  }

  package let digest: Digest
  private var bytes: [UInt8] = []
  private var next: UInt32 = 0

  private let limit: Int

  /// - Parameter limit: the most bytes that it may have.
  package init(_ digest: Digest, upTo limit: Int = PromptFile.byteLimit) {
    self.digest = digest
    self.limit = limit
  }

  package var request: ChunkRequest { ChunkRequest(whole: digest, index: next) }

  /// Takes a piece in; nil for one that was not asked for.
  package mutating func received(_ chunk: Chunk, payload: [UInt8]) -> Step? {
    guard chunk == Chunk(whole: digest, index: next) else { return nil }
    bytes += payload
    next += 1
    guard payload.count <= PromptList.Piece.byteCount, bytes.count <= limit else {
      return .failed("what the learner sends for \(digest) has more than \(limit) bytes")
    }
    if payload.count == PromptList.Piece.byteCount { return .ask(request) }
    return Digest(of: bytes) == digest
      ? .done(bytes) : .failed("what the learner has sent for \(digest) does not have its digest")
  }
}
