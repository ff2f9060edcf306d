import CKernels

/// The Castagnoli checksum, over bytes as they lie in memory.
package struct CRC32C: Hashable, Sendable {
  /// The checksum of everything added so far.
  package private(set) var value: UInt32 = 0

  package init() {}

  /// To go on from a checksum.
  package init(_ value: UInt32) { self.value = value }

  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    value = crc32c_extend(value, bytes.baseAddress, bytes.count)
  }

  package static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    crc32c_extend(0, bytes.baseAddress, bytes.count)
  }

  package static func of(_ bytes: [UInt8]) -> UInt32 {
    bytes.withUnsafeBytes { of($0) }
  }

  /// Of the little-endian bytes of the values.
  package static func of(_ values: [Float]) -> UInt32 {
    requireLittleEndian()
    return values.withUnsafeBytes { of($0) }
  }

  /// The form in which TFRecord stores a checksum, so that a checksum over data that holds
  /// checksums stays meaningful: rotated right by 15 bits, plus a constant.
  package static func masked(_ checksum: UInt32) -> UInt32 {
    (checksum >> 15 | checksum << 17) &+ 0xa282_ead8
  }
}

/// Floats are hashed and sent as they lie in memory, which is the wire's order only here.
@inline(__always)
package func requireLittleEndian() {
  precondition(1.littleEndian == 1, "this program needs a little-endian processor")
}
