import CKernels
import Foundation
import TestSupport
import Testing

import Tensor

struct PhiloxTests {
  /// The three vectors of Random123's known-answer file for philox4x32-10.
  @Test(arguments: [
    (
      [UInt32](repeating: 0, count: 4), [UInt32](repeating: 0, count: 2),
      [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8] as [UInt32]
    ),
    (
      [UInt32](repeating: .max, count: 4), [UInt32](repeating: .max, count: 2),
      [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
    ),
    (
      [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
      [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    ),
  ])
  func `known answers`(counter: [UInt32], key: [UInt32], expected: [UInt32]) {
    let words = Philox.block(counter: counter, key: key)
    #expect([words[0], words[1], words[2], words[3]] == expected)
  }

  /// Box–Muller in double precision from the words of the address.
  @Test func `normals match the literal formula`() {
    let philox = Philox(seed: 0x1234_5678_9abc_def0)
    let address = NoiseAddress(unit: 1 << 40 | 7, purpose: .branchNoise, step: 5, branch: 3)
    let normals = philox.normals(at: address, count: 1001)
    for block in 0..<250 {
      let words = philox.words(at: address, block: UInt32(block))
      for pair in 0..<2 {
        let u = (Double(words[2 * pair] >> 9) + 0.5) / Double(1 << 23)
        let w = Double(words[2 * pair + 1] >> 8) / Double(1 << 24)
        let radius = (-2 * log(u)).squareRoot()
        #expect(abs(Double(normals[4 * block + 2 * pair]) - radius * cos(2 * .pi * w)) < 2e-6)
        #expect(abs(Double(normals[4 * block + 2 * pair + 1]) - radius * sin(2 * .pi * w)) < 2e-6)
      }
    }
  }

  @Test func `normals have the same bits in every kernel set`() {
    for unit in 0..<200 as Range<UInt64> {
      let address = NoiseAddress(unit: unit, purpose: .initialNoise)
      let sets = Kernels.available.map {
        Philox.normals(at: address, seed: 11, count: 67, kernels: $0).map(\.bitPattern)
      }
      #expect(sets.allSatisfy { $0 == sets[0] }, "unit \(unit)")
    }
  }

  /// Every operation one by one, in the order and with the roundings that the kernels promise.
  static func literal(at address: NoiseAddress, seed: UInt64, count: Int) -> [Float] {
    let philox = Philox(seed: seed)
    return (0..<(count + 3) / 4).flatMap { block in
      let words = philox.words(at: address, block: UInt32(block))
      return boxMuller(words[0], words[1]) + boxMuller(words[2], words[3])
    }.prefix(count).map { $0 }
  }

  /// √(−2 ln u) · (cos 2πw, sin 2πw), all in float32 without a fused operation.
  static func boxMuller(_ a: UInt32, _ b: UInt32) -> [Float] {
    let u: Float = (Float(a >> 9) + 0.5) * 0x1p-23
    let bits = Int32(bitPattern: u.bitPattern)
    let exponent = (bits - 0x3f35_04f3) >> 23
    let m = Float(bitPattern: UInt32(bitPattern: bits - exponent << 23))
    let ratio: Float = (m - 1) / (m + 1)
    let square = ratio * ratio
    var series: Float = 0.111111111
    for term: Float in [0.142857143, 0.2, 0.333333333, 1] { series = series * square + term }
    let logarithm = Float(exponent) * 0.693147181 + 2 * ratio * series
    let radius = (-2 * logarithm).squareRoot()

    let quarter: Float = 1.57079633 * 0x1p-22
    let t = Float(b >> 8 & 0x3fffff) * quarter
    let z = t * t
    var sine: Float = -2.50521084e-8
    for term: Float in [2.75573192e-6, -1.98412698e-4, 8.33333333e-3, -1.66666667e-1, 1] {
      sine = sine * z + term
    }
    sine *= t
    var cosine: Float = 2.08767570e-9
    for term: Float in [
      -2.75573192e-7, 2.48015873e-5, -1.38888889e-3, 4.16666667e-2, -0.5, 1,
    ] { cosine = cosine * z + term }
    return switch b >> 30 {
    case 0: [radius * cosine, radius * sine]
    case 1: [radius * -sine, radius * cosine]
    case 2: [radius * -cosine, radius * -sine]
    default: [radius * sine, radius * -cosine]
    }
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func `normals have the bits of the literal operations in every kernel set`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let address = NoiseAddress(
      unit: random.next(), purpose: seed % 2 == 0 ? .branchNoise : .initialNoise,
      step: .random(in: 0..<4096, using: &random), branch: .random(in: 0..<4096, using: &random))
    let runSeed = random.next()
    for count in [0, 1, 2, 3, 4, 5, 50, 63, 64, 65, 127, 128, 130, 5000 + Int(seed)] {
      let expected = Self.literal(at: address, seed: runSeed, count: count).map(\.bitPattern)
      for kernels in Kernels.available {
        let normals = Philox.normals(at: address, seed: runSeed, count: count, kernels: kernels)
        #expect(
          normals.map(\.bitPattern) == expected,
          "\(count) at \(address) by \(String(cString: kernels.pointee.name))")
      }
    }
  }

  /// The first and the thousandth values of one address, as they have always been.
  @Test func `normals are what earlier versions drew`() {
    let normals = Philox(seed: 42).normals(
      at: NoiseAddress(unit: 7, purpose: .branchNoise, step: 3, branch: 5), count: 1004)
    #expect(Array(normals.prefix(4)).map(\.bitPattern) == Self.first)
    #expect(Array(normals.suffix(4)).map(\.bitPattern) == Self.last)
  }

  static let first: [UInt32] = [0xbfd1_8818, 0x3eba_f5d6, 0xbf9b_3cf5, 0x3ee7_d4c6]
  static let last: [UInt32] = [0x400f_367d, 0x3fec_ce58, 0xbf0e_c4c6, 0x3f95_1ecd]

  @Test func `normals have mean 0, variance 1 and kurtosis 3`() {
    let sample = Philox(seed: 3).normals(
      at: NoiseAddress(unit: 0, purpose: .evaluationNoise), count: 200_000
    ).map(Double.init)
    func moment(_ power: Double) -> Double {
      sample.reduce(0) { $0 + pow($1, power) } / Double(sample.count)
    }
    #expect(abs(moment(1)) < 0.01)
    #expect(abs(moment(2) - 1) < 0.02)
    #expect(abs(moment(4) - 3) < 0.1)
  }

  @Test func `every part of an address matters`() {
    let philox = Philox(seed: 1)
    let addresses = [
      NoiseAddress(unit: 1, purpose: .branchNoise, step: 2, branch: 3),
      NoiseAddress(unit: 2, purpose: .branchNoise, step: 2, branch: 3),
      NoiseAddress(unit: 1 | 1 << 32, purpose: .branchNoise, step: 2, branch: 3),
      NoiseAddress(unit: 1, purpose: .initialNoise, step: 2, branch: 3),
      NoiseAddress(unit: 1, purpose: .branchNoise, step: 3, branch: 3),
      NoiseAddress(unit: 1, purpose: .branchNoise, step: 2, branch: 4),
    ]
    #expect(Set(addresses.map { philox.normals(at: $0, count: 4) }).count == addresses.count)
    #expect(
      philox.normals(at: addresses[0], count: 4)
        != Philox(seed: 2).normals(at: addresses[0], count: 4))
  }
}
