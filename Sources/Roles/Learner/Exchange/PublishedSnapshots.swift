import Bytes
import Dispatch
import Flow
package import Learning
package import Records
import Synchronization
import Tensor
package import Wire

/// A snapshot that actors may pull, cut into chunks that are checked by digest.
package struct PublishedSnapshot: Sendable {
  package let snapshot: Snapshot
  let manifest: Manifest

  package var version: PolicyVersion { snapshot.version }

  /// Computes the digests of all chunks, on all cores.
  package init(_ snapshot: Snapshot) {
    let parameters = snapshot.parameters.buffer
    let size = ParameterChunks.size(of: parameters.count * 4)
    let count = (parameters.count * 4 + size - 1) / size
    let digests = Mutex<[Digest?]>(Array(repeating: nil, count: count))
    func compute(_ index: Int) {
      let digest = unsafe parameters.withBytes { bytes in
        unsafe Digest(
          bytes: DigestBuilder.digest(
            of: UnsafeRawBufferPointer(
              rebasing: bytes[Self.range(ofChunk: index, size: size, in: bytes.count)])))
      }
      digests.withLock { $0[index] = digest }
    }
    nonisolated(unsafe) let work = compute
    if count < 4 {
      for index in 0..<count { compute(index) }
    } else {
      DispatchQueue.concurrentPerform(iterations: count) { unsafe work($0) }
    }
    self.snapshot = snapshot
    manifest = Manifest(
      version: snapshot.version, paramsHash: snapshot.hash,
      byteCount: UInt64(parameters.count * 4), chunkSize: UInt32(size),
      chunks: digests.withLock { $0.compactMap(\.self) })
  }

  /// The bytes of one chunk, or nil if there is no such chunk.
  func chunk(_ index: Int) -> [UInt8]? {
    guard manifest.chunks.indices.contains(index) else { return nil }
    return unsafe snapshot.parameters.buffer.withBytes { bytes in
      let range = Self.range(ofChunk: index, size: Int(manifest.chunkSize), in: bytes.count)
      return unsafe Array(bytes[range])
    }
  }

  private static func range(ofChunk index: Int, size: Int, in count: Int) -> Range<Int> {
    index * size..<min((index + 1) * size, count)
  }
}

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

  /// The bytes of one chunk, or nil if there is no such chunk.
  package func chunk(_ request: ChunkRequest) -> [UInt8]? {
    versions.values.first { $0.manifest.paramsHash == request.paramsHash }?
      .chunk(Int(request.index))
  }
}
