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
  /// The chunks once more in a shorter form.
  private struct Packed {
    var packing: Packing
    var chunks: [Digest: [UInt8]] = [:]
  }

  package let snapshot: Snapshot
  package let manifest: Manifest
  private let packed: [Packed]

  package var version: PolicyVersion { snapshot.version }

  /// Computes the digests of all chunks, on all cores.
  ///
  /// - Parameter bases: what to pack the chunks against, each a form of its own; nil is nothing.
  package init(_ snapshot: Snapshot, packedAgainst bases: [Snapshot?] = []) {
    let byteCount = snapshot.parameters.buffer.count * 4
    let size = ParameterChunks.size(of: byteCount)
    let count = (byteCount + size - 1) / size
    let chunks = Self.onAllCores(count) { index in
      unsafe snapshot.parameters.buffer.withBytes { bytes in
        unsafe Digest(bytes: DigestBuilder.digest(of: Self.chunk(index, of: size, in: bytes)))
      }
    }
    self.snapshot = snapshot
    manifest = Manifest(
      version: snapshot.version, paramsHash: snapshot.hash, byteCount: UInt64(byteCount),
      chunkSize: UInt32(size), chunks: chunks)
    packed = bases.map { Self.packed(snapshot, chunks, of: size, against: $0) }
  }

  private static func packed(
    _ snapshot: Snapshot, _ chunks: [Digest], of size: Int, against base: Snapshot?
  ) -> Packed {
    let forms = onAllCores(chunks.count) { index in
      unsafe snapshot.parameters.buffer.withBytes { bytes -> [UInt8]? in
        let chunk = unsafe chunk(index, of: size, in: bytes)
        guard let base else { return unsafe ChunkPacking.packed(chunk, base: nil) }
        return unsafe base.parameters.buffer.withBytes {
          unsafe ChunkPacking.packed(chunk, base: Self.chunk(index, of: size, in: $0))
        }
      }
    }
    var packed = Packed(packing: Packing(version: snapshot.version, base: base?.hash, chunks: []))
    for (chunk, form) in zip(chunks, forms) {
      let digest = form.map { Digest(of: $0) } ?? chunk
      packed.packing.chunks.append(digest)
      if let form { packed.chunks[digest] = form }
    }
    return packed
  }

  /// The shorter form for somebody who has the base, or else for everybody; one without chunks where there
  /// is none.
  func packing(for base: Digest?) -> Packing {
    let forms = packed.map(\.packing)
    return forms.first { $0.base != nil && $0.base == base } ?? forms.first { $0.base == nil }
      ?? Packing(version: version, base: nil, chunks: [])
  }

  /// The bytes of a chunk as it is, by the digest of all parameters and its place, or packed, by its own digest;
  /// nil if there is no such chunk.
  func chunk(_ request: ChunkRequest) -> [UInt8]? {
    guard request.whole == manifest.paramsHash else {
      return request.index == 0
        ? packed.lazy.compactMap { $0.chunks[request.whole] }.first : nil
    }
    guard manifest.chunks.indices.contains(Int(request.index)) else { return nil }
    return unsafe snapshot.parameters.buffer.withBytes { bytes in
      unsafe Array(Self.chunk(Int(request.index), of: Int(manifest.chunkSize), in: bytes))
    }
  }

  private static func chunk(
    _ index: Int, of size: Int, in bytes: UnsafeRawBufferPointer
  ) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(
      rebasing: bytes[index * size..<min((index + 1) * size, bytes.count)])
  }

  /// From so many chunks on other cores are worth their start.
  private static let manyChunks = 4

  private static func onAllCores<Value: Sendable>(
    _ count: Int, _ make: (Int) -> Value
  ) -> [Value] {
    guard count >= manyChunks else { return (0..<count).map(make) }
    let values = Mutex<[Value?]>(Array(repeating: nil, count: count))
    func fill(_ index: Int) {
      let value = make(index)
      values.withLock { $0[index] = value }
    }
    withoutActuallyEscaping(fill) { fill in
      nonisolated(unsafe) let work = fill
      DispatchQueue.concurrentPerform(iterations: count) { unsafe work($0) }
    }
    return values.withLock { $0.compactMap(\.self) }
  }
}
