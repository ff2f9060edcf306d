import CZstd
import Testing
import Wire

struct ChunkPackingTests {
  static func bytes(_ values: [UInt32]) -> [UInt8] {
    values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
  }

  static func packed(_ values: [UInt32], _ base: [UInt32]?) -> [UInt8]? {
    bytes(values).withUnsafeBytes { chunk in
      guard let base else { return ChunkPacking.packed(chunk, base: nil) }
      return bytes(base).withUnsafeBytes { ChunkPacking.packed(chunk, base: $0) }
    }
  }

  static func unpacked(_ packed: [UInt8], _ base: [UInt32]?, count: Int) -> [UInt8]? {
    guard let base else { return ChunkPacking.unpacked(packed, base: nil, byteCount: 4 * count) }
    return bytes(base).withUnsafeBytes {
      ChunkPacking.unpacked(packed, base: $0, byteCount: 4 * count)
    }
  }

  @Test(arguments: 0..<50)
  func `what is packed is unpacked to the same bytes`(seed: UInt64) throws {
    var random = SplitMix(seed)
    let count = 64 + Int(random.next() % 5_000)
    let base = (0..<count).map { _ in UInt32(truncatingIfNeeded: random.next()) }
    // Now and then the whole value, mostly its lowest byte.
    let values = base.map {
      random.next() % 20 == 0
        ? UInt32(truncatingIfNeeded: random.next())
        : $0 ^ UInt32(truncatingIfNeeded: random.next() & 0xff)
    }
    let packed = try #require(Self.packed(values, base))
    #expect(packed.count < 4 * count)
    #expect(Self.unpacked(packed, base, count: count) == Self.bytes(values))
    #expect(Self.unpacked(packed, nil, count: count) != Self.bytes(values))
    #expect(Self.unpacked(packed, base + [0], count: count + 1) == nil)
    #expect(Self.unpacked(packed, Array(base.dropLast()), count: count - 1) == nil)
  }

  /// What the format says, literally: the planes of the differences, one behind the other.
  @Test func `a packing is the byte planes of the differences`() throws {
    let base: [UInt32] = Array(repeating: 0x0000_0001, count: 64)
    let values: [UInt32] = Array(repeating: 0x0403_0201, count: 64)
    let planes = (0..<4).flatMap { plane in
      zip(values, base).map { UInt8(truncatingIfNeeded: ($0 ^ $1) >> (8 * UInt32(plane))) }
    }
    #expect(planes == [0, 2, 3, 4].flatMap { Array(repeating: $0, count: 64) })
    let packed = try #require(Self.packed(values, base))
    var room = [UInt8](repeating: 9, count: 1_000)
    #expect(ZSTD_decompress(&room, room.count, packed, packed.count) == planes.count)
    #expect(Array(room.prefix(planes.count)) == planes)
  }

  @Test func `noise is not made longer`() {
    var random = SplitMix(1)
    let values = (0..<4_096).map { _ in UInt32(truncatingIfNeeded: random.next()) }
    #expect(Self.packed(values, nil) == nil)
  }

  /// Of a stranger's bytes no more than the chunk is ever unpacked.
  @Test func `bytes that are no packing are none`() throws {
    let packed = try #require(Self.packed(Array(repeating: 7, count: 1 << 16), nil))
    #expect(packed.count < 1_000)
    #expect(Self.unpacked(packed, nil, count: 1 << 10) == nil, "more than announced")
    #expect(Self.unpacked(packed, nil, count: 1 << 17) == nil, "less than announced")
    #expect(Self.unpacked([], nil, count: 4) == nil)
    #expect(Self.unpacked(Array(packed.dropLast()), nil, count: 1 << 16) == nil)
    #expect(ChunkPacking.unpacked(packed, base: nil, byteCount: 3) == nil)
  }
}

/// Numbers for made-up values (Steele, Lea and Flood 2014).
private struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}
