package import Records
package import Wire

/// The snapshots that actors may pull, cut into chunks that are checked by digest.
package struct PublishedSnapshots: Sendable {
  private struct Published: Sendable {
    let manifest: Manifest
    /// One array each, so that all peers that ask for a chunk share its bytes.
    let chunks: [[UInt8]]
  }

  private var versions: [PolicyVersion: Published] = [:]

  package init() {}

  /// Adds a version, and drops those before `oldest`.
  package mutating func publish(_ snapshot: Snapshot, keepingFrom oldest: PolicyVersion) {
    let (count, chunks) = unsafe snapshot.parameters.withUnsafeBytes { bytes in
      let size = ParameterChunks.size(of: bytes.count)
      return (
        bytes.count,
        stride(from: 0, to: bytes.count, by: size).map {
          unsafe Array(bytes[$0..<min($0 + size, bytes.count)])
        }
      )
    }
    versions[snapshot.version] = Published(
      manifest: Manifest(
        version: snapshot.version, paramsHash: snapshot.hash, byteCount: UInt64(count),
        chunkSize: UInt32(ParameterChunks.size(of: count)), chunks: chunks.map { Digest(of: $0) }),
      chunks: chunks)
    versions = versions.filter { $0.key >= oldest }
  }

  package func hash(of version: PolicyVersion) -> Digest? { versions[version]?.manifest.paramsHash }

  /// The manifest of a version; one without chunks if it is not kept.
  package func manifest(of version: PolicyVersion) -> Manifest {
    versions[version]?.manifest
      ?? Manifest(
        version: version, paramsHash: Digest(bytes: Array(repeating: 0, count: 32)), byteCount: 0,
        chunkSize: UInt32(ParameterChunks.smallest), chunks: [])
  }

  /// The bytes of one chunk, or nil if there is no such chunk.
  package func chunk(_ request: ChunkRequest) -> [UInt8]? {
    guard
      let published = versions.values.first(where: { $0.manifest.paramsHash == request.paramsHash })
    else { return nil }
    let index = Int(request.index)
    return published.chunks.indices.contains(index) ? published.chunks[index] : nil
  }
}
