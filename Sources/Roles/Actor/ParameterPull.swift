package import Records
package import Wire

/// The pull of one version's parameters: manifest, chunks, and the check of every byte; a value
/// that says what to ask next.
package struct ParameterPull: Sendable {
  package enum Step: Hashable, Sendable {
    case ask(ChunkRequest)
    /// All chunks are here and the whole has the promised hash.
    case done([Float])
    case failed(String)
  }

  private let manifest: Manifest
  private var bytes: [UInt8] = []
  private var next: UInt32 = 0

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
    bytes.reserveCapacity(expectedCount * 4)
  }

  package var first: ChunkRequest { ChunkRequest(paramsHash: manifest.paramsHash, index: 0) }

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
    bytes += payload
    next += 1
    if Int(next) < manifest.chunks.count {
      return .ask(ChunkRequest(paramsHash: manifest.paramsHash, index: next))
    }
    guard bytes.count == Int(manifest.byteCount), Digest(of: bytes) == manifest.paramsHash else {
      return .failed("the parameters of \(manifest.version) do not have their hash")
    }
    let scalars = unsafe [Float](unsafeUninitializedCapacity: bytes.count / 4) { memory, filled in
      unsafe UnsafeMutableRawBufferPointer(memory).copyBytes(from: bytes)
      filled = bytes.count / 4
    }
    return .done(scalars)
  }
}
