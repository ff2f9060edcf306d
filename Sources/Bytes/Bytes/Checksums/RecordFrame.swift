/// TFRecord framing:
///
///     length      u64, little-endian
///     checksum    u32: masked CRC32C of the eight bytes before
///     data        `length` bytes
///     checksum    u32: masked CRC32C of the data
package enum RecordFrame {
  package static let headBytes = 12
  package static let tailBytes = 4

  package static func byteCount(ofRecord count: UInt64) -> UInt64 { 12 + count + 4 }

  package static func framed(_ record: [UInt8]) -> [UInt8] {
    var frame: [UInt8] = []
    frame.reserveCapacity(headBytes + record.count + tailBytes)
    append(UInt64(record.count), to: &frame)
    append(CRC32C.masked(CRC32C.of(frame)), to: &frame)
    frame.append(contentsOf: record)
    append(CRC32C.masked(CRC32C.of(record)), to: &frame)
    return frame
  }

  /// The length in the frame's first twelve bytes, or nil if its checksum is another.
  package static func length(_ head: UnsafeRawBufferPointer) -> UInt64? {
    let checksum = CRC32C.masked(CRC32C.of(UnsafeRawBufferPointer(rebasing: head[..<8])))
    let stored = head.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
    guard checksum == UInt32(littleEndian: stored) else { return nil }
    return UInt64(littleEndian: head.loadUnaligned(as: UInt64.self))
  }

  /// Whether data and the four bytes after it agree.
  package static func isWhole(_ data: UnsafeRawBufferPointer) -> Bool {
    let count = data.count - tailBytes
    let stored = data.loadUnaligned(fromByteOffset: count, as: UInt32.self)
    return CRC32C.masked(CRC32C.of(UnsafeRawBufferPointer(rebasing: data[..<count])))
      == UInt32(littleEndian: stored)
  }

  private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
