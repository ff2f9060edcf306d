import TestSupport
import Testing
import Transport

/// Parts are counted in bytes that come in any pieces.
struct FrameCountTests {
  private static let greeting: [UInt8] =
    [0xff] + [UInt8](repeating: 0, count: 8) + [0x7f, 3, 1] + [UInt8](repeating: 0, count: 52)

  private static func frame(_ size: Int, isLong: Bool, flags: UInt8) -> [UInt8] {
    let length = (0..<8).map { UInt8(truncatingIfNeeded: size >> (56 - 8 * $0)) }
    return [flags | (isLong ? 2 : 0)] + (isLong ? length : [UInt8(size)])
      + [UInt8](repeating: 0xff, count: size)
  }

  private func counts(_ bytes: [UInt8], cutAt pieces: [Int]) -> Int? {
    var counter = FrameCount()
    var sum = 0
    var start = 0
    for end in pieces + [bytes.count] {
      guard let count = bytes[start..<end].withUnsafeBytes({ counter.count($0) }) else {
        return nil
      }
      sum += count
      start = end
    }
    return sum
  }

  @Test(arguments: 0..<50) func `frames of any length, in any pieces`(seed: UInt64) {
    var draw = SplitMix64(seed: seed)
    var bytes = Self.greeting
    let frames = Int.random(in: 0...40, using: &draw)
    for _ in 0..<frames {
      let isLong = Bool.random(using: &draw)
      let size = Int.random(in: 0...(isLong ? 600 : 255), using: &draw)
      bytes += Self.frame(size, isLong: isLong, flags: [0, 1, 4].randomElement(using: &draw) ?? 0)
    }
    let places = (0..<30).map { _ in Int.random(in: 0...bytes.count, using: &draw) }.sorted()
    #expect(counts(bytes, cutAt: places) == frames)
    #expect(counts(bytes, cutAt: Array(1..<bytes.count)) == frames)
  }

  @Test func `the last frame counts from its first byte, and no length is too large`() {
    #expect(counts(Self.greeting + [1], cutAt: []) == 1)
    let endless = [2] + [UInt8](repeating: 0xff, count: 8) + [UInt8](repeating: 0, count: 1_000)
    #expect(counts(Self.greeting + endless, cutAt: [70, 71]) == 1)
  }

  @Test(arguments: [(0, 0x00), (9, 0x7e), (10, 1), (10, 2)])
  func `what is no ZMTP 3 has no frames`(place: Int, byte: UInt8) {
    var bytes = Self.greeting
    bytes[place] = byte
    #expect(counts(bytes, cutAt: [place]) == nil)
  }
}
