package import Records
import Transport
package import Wire

/// The snapshots that actors may pull, cut into chunks that are checked by digest.
package struct PublishedSnapshots: Sendable {
  private struct Published: Sendable {
    let manifest: Manifest
    let bytes: [UInt8]
  }

  /// 512 KiB: two parts fit the largest payload, and a slow link stays far from its timeout.
  private static let chunkSize = 512 << 10

  private var versions: [PolicyVersion: Published] = [:]

  package init() {}

  /// Adds a version, and drops those before `oldest`.
  package mutating func publish(_ snapshot: Snapshot, keepingFrom oldest: PolicyVersion) {
    let bytes = unsafe snapshot.parameters.withUnsafeBytes { unsafe Array($0) }
    let chunks = stride(from: 0, to: bytes.count, by: Self.chunkSize).map {
      Digest(of: Array(bytes[$0..<min($0 + Self.chunkSize, bytes.count)]))
    }
    versions[snapshot.version] = Published(
      manifest: Manifest(
        version: snapshot.version, paramsHash: snapshot.hash, byteCount: UInt64(bytes.count),
        chunkSize: UInt32(Self.chunkSize), chunks: chunks), bytes: bytes)
    versions = versions.filter { $0.key >= oldest }
  }

  package func hash(of version: PolicyVersion) -> Digest? { versions[version]?.manifest.paramsHash }

  /// The manifest of a version; one without chunks if it is not kept.
  package func manifest(of version: PolicyVersion) -> Manifest {
    versions[version]?.manifest
      ?? Manifest(
        version: version, paramsHash: Digest(bytes: Array(repeating: 0, count: 32)), byteCount: 0,
        chunkSize: UInt32(Self.chunkSize), chunks: [])
  }

  /// The bytes of one chunk, or nil if there is no such chunk.
  package func chunk(_ request: ChunkRequest) -> [UInt8]? {
    guard
      let published = versions.values.first(where: { $0.manifest.paramsHash == request.paramsHash })
    else { return nil }
    let start = Int(request.index) * Self.chunkSize
    guard start < published.bytes.count else { return nil }
    return Array(published.bytes[start..<min(start + Self.chunkSize, published.bytes.count)])
  }
}
