import CZstd

/// The shorter form of a chunk of parameters: its values xor those of the same chunk of a base, byte planes,
/// zstd.
///
///     wᵢ = valueᵢ xor baseᵢ,      planes = (byte 0 of all wᵢ, byte 1, byte 2, byte 3)
///
/// From one version to the next few high bytes change, and of values that were rounded to bfloat16 the two low
/// planes are zeros. It is exact: who unpacks has the chunk's own bytes, and compares their digest.
package enum ChunkPacking {
  /// The fastest of zstd's usual levels: the others gain a few per cent and cost several times the time.
  private static let level: CInt = 1

  /// - Parameters:
  ///   - chunk: little-endian float32.
  ///   - base: as many bytes; nil for zeros.
  /// - Returns: nil where the packed form is not shorter.
  package static func packed(_ chunk: UnsafeRawBufferPointer, base: UnsafeRawBufferPointer?)
    -> [UInt8]?
  {
    precondition(chunk.count.isMultiple(of: 4), "\(chunk.count) bytes are not float32")
    precondition(base == nil || base?.count == chunk.count, "the base has another size")
    let planes = [UInt8](unsafeUninitializedCapacity: chunk.count) { planes, count in
      split(chunk, base, into: planes)
      count = chunk.count
    }
    var size = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: chunk.count) { room, count in
      // Room for less than the chunk: longer ones are refused.
      size = ZSTD_compress(room.baseAddress, max(0, room.count - 1), planes, planes.count, level)
      count = ZSTD_isError(size) == 0 ? size : 0
    }
    return bytes.isEmpty ? nil : bytes
  }

  /// - Parameters:
  ///   - packed: whatever came.
  ///   - base: little-endian float32; nil for zeros.
  ///   - byteCount: the chunk's.
  /// - Returns: the chunk's bytes; nil where these are no packed form of so many.
  package static func unpacked(
    _ packed: [UInt8], base: UnsafeRawBufferPointer?, byteCount: Int
  ) -> [UInt8]? {
    guard byteCount.isMultiple(of: 4), base == nil || base?.count == byteCount else { return nil }
    var size = 0
    let planes = [UInt8](unsafeUninitializedCapacity: byteCount) { room, count in
      size = ZSTD_decompress(room.baseAddress, byteCount, packed, packed.count)
      count = ZSTD_isError(size) == 0 ? size : 0
    }
    guard planes.count == byteCount else { return nil }
    return [UInt8](unsafeUninitializedCapacity: byteCount) { chunk, count in
      planes.withUnsafeBytes { join($0, base, into: chunk) }
      count = byteCount
    }
  }

  private static func split(
    _ chunk: UnsafeRawBufferPointer, _ base: UnsafeRawBufferPointer?,
    into planes: UnsafeMutableBufferPointer<UInt8>
  ) {
    let count = chunk.count / 4
    guard count > 0, let planes = planes.baseAddress else { return }
    for index in 0..<count {
      let word = self.word(index, of: chunk) ^ (base.map { self.word(index, of: $0) } ?? 0)
      planes[index] = UInt8(truncatingIfNeeded: word)
      planes[count + index] = UInt8(truncatingIfNeeded: word >> 8)
      planes[2 * count + index] = UInt8(truncatingIfNeeded: word >> 16)
      planes[3 * count + index] = UInt8(truncatingIfNeeded: word >> 24)
    }
  }

  private static func join(
    _ planes: UnsafeRawBufferPointer, _ base: UnsafeRawBufferPointer?,
    into chunk: UnsafeMutableBufferPointer<UInt8>
  ) {
    let count = planes.count / 4
    guard let bytes = planes.baseAddress?.assumingMemoryBound(to: UInt8.self),
      let start = chunk.baseAddress
    else { return }
    let words = UnsafeMutableRawPointer(start)
    for index in 0..<count {
      let low = UInt32(bytes[index]) | UInt32(bytes[count + index]) << 8
      let high = UInt32(bytes[2 * count + index]) | UInt32(bytes[3 * count + index]) << 8
      let word = low | high << 16
      let other = base.map { self.word(index, of: $0) } ?? 0
      words.storeBytes(of: (word ^ other).littleEndian, toByteOffset: 4 * index, as: UInt32.self)
    }
  }

  @inline(__always)
  private static func word(_ index: Int, of bytes: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
  }
}
