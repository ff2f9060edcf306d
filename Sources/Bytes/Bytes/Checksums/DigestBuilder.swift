import CSodium

/// BLAKE2b-256 of bytes that come piece by piece.
///
/// Digests are plain bytes here; `Wire` wraps them as `Digest`.
package struct DigestBuilder: ~Copyable {
  package static let byteCount = 32

  private let state: OpaquePointer

  package init() {
    // libsodium wants its state on a 64-byte boundary.
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: crypto_generichash_blake2b_statebytes(), alignment: 64)
    state = OpaquePointer(memory)
    let status = crypto_generichash_blake2b_init(state, nil, 0, Self.byteCount)
    precondition(status == 0, "BLAKE2b could not start")
  }

  deinit { UnsafeMutableRawPointer(state).deallocate() }

  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    crypto_generichash_blake2b_update(state, start, UInt64(bytes.count))
  }

  package mutating func add(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { add($0) }
  }

  package mutating func add(_ bytes: Span<UInt8>) {
    bytes.withUnsafeBytes { add($0) }
  }

  /// Adds the little-endian bytes of the values.
  package mutating func add(_ values: [Float]) {
    requireLittleEndian()
    values.withUnsafeBytes { add($0) }
  }

  /// The 32 bytes of the digest.
  package consuming func finish() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Self.byteCount)
    crypto_generichash_blake2b_final(state, &digest, Self.byteCount)
    return digest
  }

  package static func digest(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var builder = DigestBuilder()
    builder.add(bytes)
    return builder.finish()
  }

  package static func digest(of bytes: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBytes { digest(of: $0) }
  }

  /// Of the little-endian bytes of the values.
  package static func digest(of values: [Float]) -> [UInt8] {
    requireLittleEndian()
    return values.withUnsafeBytes { digest(of: $0) }
  }
}
