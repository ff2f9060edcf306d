import Bytes
import CKernels
import TestSupport
import Testing

struct ChecksumTests {
  @Test func `crc32c of known bytes`() {
    #expect(CRC32C.of(Array("123456789".utf8)) == 0xe306_9283)
    #expect(CRC32C.of([UInt8]()) == 0)
    // RFC 3720, B.4.
    #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
    #expect(CRC32C.of([UInt8](repeating: 255, count: 32)) == 0x62a8_ab43)
    #expect(CRC32C.of((0..<32).map { UInt8($0) }) == 0x46dd_794e)
  }

  @Test func `crc32c of pieces and without the instruction`() {
    var random = SplitMix64(seed: 1)
    for count in 0..<200 {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      let cut = Int.random(in: 0...count, using: &random)
      var pieces = CRC32C()
      bytes.withUnsafeBytes {
        pieces.add(UnsafeRawBufferPointer(rebasing: $0[..<cut]))
        pieces.add(UnsafeRawBufferPointer(rebasing: $0[cut...]))
      }
      #expect(pieces.value == CRC32C.of(bytes))
      #expect(crc32c_extend_portable(0, bytes, count) == CRC32C.of(bytes))
    }
  }

  @Test func `crc32c of floats is that of their little endian bytes`() {
    #expect(CRC32C.of([Float(1), -2]) == CRC32C.of([UInt8]([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0])))
  }

  @Test func `blake2b of known bytes`() {
    let abc = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
    let empty = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
    #expect(hexadecimal(DigestBuilder.digest(of: Array("abc".utf8))) == abc)
    #expect(hexadecimal(DigestBuilder.digest(of: [UInt8]())) == empty)
    var builder = DigestBuilder()
    builder.add(Array("a".utf8))
    builder.add(Array("bc".utf8).span)
    #expect(hexadecimal(builder.finish()) == abc)
  }

  @Test func `blake2b of floats is that of their little endian bytes`() {
    let bytes: [UInt8] = [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]
    #expect(DigestBuilder.digest(of: [Float(1), -2]) == DigestBuilder.digest(of: bytes))
    var builder = DigestBuilder()
    builder.add([Float(1)])
    builder.add([Float(-2)])
    #expect(builder.finish() == DigestBuilder.digest(of: bytes))
  }

  private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
