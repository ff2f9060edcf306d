import Ledger
package import Records
import Tasks
package import Wire

/// The pull of one list by its digest, piece by piece; a value that says what to ask next.
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

  package init(_ digest: Digest) { self.digest = digest }

  package var request: ChunkRequest { ChunkRequest(paramsHash: digest, index: next) }

  /// Takes a piece in; nil for one that was not asked for.
  package mutating func received(_ chunk: Chunk, payload: [UInt8]) -> Step? {
    guard chunk == Chunk(paramsHash: digest, index: next) else { return nil }
    bytes += payload
    next += 1
    guard payload.count <= PromptList.Piece.byteCount, bytes.count <= PromptFile.byteLimit else {
      return .failed("the learner's list of prompts has more than \(PromptFile.byteLimit) bytes")
    }
    if payload.count == PromptList.Piece.byteCount { return .ask(request) }
    return Digest(of: bytes) == digest
      ? .done(bytes) : .failed("the learner's list of prompts does not have its digest")
  }
}
