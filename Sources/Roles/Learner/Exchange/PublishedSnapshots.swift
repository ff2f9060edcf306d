package import Learning
package import Records
package import Wire

/// The snapshots that actors may pull.
package struct PublishedSnapshots: Sendable {
  private var versions: [PolicyVersion: PublishedSnapshot] = [:]

  package init() {}

  /// Adds a version, and drops those before `oldest`.
  package mutating func publish(_ snapshot: PublishedSnapshot, keepingFrom oldest: PolicyVersion) {
    versions[snapshot.version] = snapshot
    versions = versions.filter { $0.key >= oldest }
  }

  /// Adds averaged weights, which stay until they are withdrawn.
  package mutating func publish(averaged snapshot: PublishedSnapshot) {
    versions[snapshot.version] = snapshot
  }

  package mutating func withdraw(_ version: PolicyVersion) { versions[version] = nil }

  package subscript(version: PolicyVersion) -> Snapshot? { versions[version]?.snapshot }

  package func hash(of version: PolicyVersion) -> Digest? { versions[version]?.manifest.paramsHash }

  /// The manifest of a version; one without chunks if it is not kept.
  package func manifest(of version: PolicyVersion) -> Manifest {
    versions[version]?.manifest
      ?? Manifest(
        version: version, paramsHash: Digest(bytes: Array(repeating: 0, count: 32)), byteCount: 0,
        chunkSize: UInt32(ParameterChunks.smallest), chunks: [])
  }

  /// The shorter form of a version's chunks; one without chunks if there is none.
  package func packing(_ request: PackingRequest) -> Packing {
    versions[request.version]?.packing(for: request.base)
      ?? Packing(version: request.version, base: nil, chunks: [])
  }

  /// The bytes of one chunk, or nil if there is no such chunk.
  package func chunk(_ request: ChunkRequest) -> [UInt8]? {
    versions.values.lazy.compactMap { $0.chunk(request) }.first
  }
}
