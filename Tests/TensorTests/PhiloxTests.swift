import Foundation
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
