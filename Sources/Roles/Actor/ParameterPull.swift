package import Flow
package import Records
import Tensor
package import Wire

/// The pull of one version's parameters: manifest, chunks, and the check of every byte; a value
/// that says what to ask next.
package struct ParameterPull: Sendable {
  package enum Step: Sendable {
    case ask(ChunkRequest)
    /// Those that were asked for are still to come.
    case wait
    /// All chunks are here and the whole has the promised hash.
    case done(ParameterSet)
    case failed(String)
  }

  private let manifest: Manifest
  private let buffer: Buffer
  /// The chunk that comes next: they come in the order in which they were asked for.
  private var next: UInt32 = 0
  /// How many were asked for.
  private var asked: UInt32

  /// Chunks that are asked for ahead: 4 MiB fill a link of 300 Mbit/s with a round trip of 100 ms.
  private static let ahead = 8

  /// - Parameter expectedCount: the parameters of the run's network.
  package init(_ manifest: Manifest, expectedCount: Int) throws(RunFailure) {
    guard !manifest.chunks.isEmpty else {
      throw RunFailure(.internal, "\(manifest.version) is no longer kept by the learner")
    }
    let chunks =
      manifest.chunkSize == 0
      ? 0 : (Int(expectedCount) * 4 + Int(manifest.chunkSize) - 1) / Int(manifest.chunkSize)
    guard manifest.byteCount == UInt64(expectedCount * 4), manifest.chunks.count == chunks else {
      throw RunFailure(
        .incompatible,
        "the learner offers \(manifest.byteCount) bytes of parameters in \(manifest.chunks.count)"
          + " chunks, this model has \(expectedCount * 4) bytes")
    }
    self.manifest = manifest
    buffer = Buffer(count: expectedCount)
    asked = UInt32(min(Self.ahead, chunks))
  }

  /// What to ask for at first.
  package var first: [ChunkRequest] { (0..<asked).map(request) }

  private func request(_ index: UInt32) -> ChunkRequest {
    ChunkRequest(paramsHash: manifest.paramsHash, index: index)
  }

  package var version: PolicyVersion { manifest.version }
  package var paramsHash: Digest { manifest.paramsHash }

  /// Takes a chunk in; chunks that were not asked for are ignored.
  package mutating func received(_ chunk: Chunk, payload: [UInt8]) -> Step? {
    guard chunk.paramsHash == manifest.paramsHash, chunk.index == next,
      Int(next) < manifest.chunks.count
    else { return nil }
    let expected = min(
      Int(manifest.chunkSize), Int(manifest.byteCount) - Int(next) * Int(manifest.chunkSize))
    guard payload.count == expected else {
      return .failed(
        "chunk \(next) of \(manifest.version) has \(payload.count) bytes, \(expected) were announced"
      )
    }
    guard Digest(of: payload) == manifest.chunks[Int(next)] else {
      return .failed("chunk \(next) of \(manifest.version) does not have its digest")
    }
    buffer.write(payload, atByte: Int(next) * Int(manifest.chunkSize))
    next += 1
    if Int(asked) < manifest.chunks.count {
      defer { asked += 1 }
      return .ask(request(asked))
    }
    guard Int(next) == manifest.chunks.count else { return .wait }
    let set = ParameterSet(buffer)
    guard set.digest == manifest.paramsHash else {
      return .failed("the parameters of \(manifest.version) do not have their hash")
    }
    return .done(set)
  }
}
