import Autograd
import Tensor
import TestSupport
import Testing

import Network

struct LowRankAdapterTests {
  static let network = DiTTests.network
  static let form = LowRankAdapter.Form(
    rank: 3, alpha: 7, targets: ["qkv", "mlp_out", "blocks.1.modulation", "latent_in.0"])
  static let adapter = LowRankAdapter(form, of: network.table)

  static func noise(_ count: Int, _ unit: UInt64) -> [Float] {
    DiTTests.noise(count, unit).map { 0.2 * $0 }
  }

  /// W′ as the formula says it, in double precision.
  static func literal(_ values: Buffer, _ base: Buffer) -> [Double] {
    var result = base.scalars.map { Double($0) }
    for (name, a, b) in parts(of: values) {
      let weight = network.table["\(name).weight"]
      for i in 0..<weight.rows {
        for o in 0..<weight.columns {
          let sum = (0..<form.rank).reduce(0.0) { $0 + Double(b[o][$1]) * Double(a[$1][i]) }
          result[weight.offset + i * weight.columns + o] += form.alpha / Double(form.rank) * sum
        }
      }
    }
    return result
  }

  /// A `[r, inputs]` and B `[outputs, r]` of every layer.
  static func parts(of values: Buffer) -> [(name: String, a: [[Float]], b: [[Float]])] {
    var tables: [[[Float]]] = []
    var offset = 0
    for entry in adapter.manifest.entries {
      tables.append(
        (0..<entry.shape[0]).map { row in
          values.matrix(at: offset + row * entry.shape[1], rows: 1, columns: entry.shape[1]).scalars
        })
      offset += entry.count
    }
    return stride(from: 0, to: tables.count, by: 2).map { index in
      let name = adapter.manifest.entries[index].name.dropLast(".lora_A.weight".count)
      return (String(name), tables[index], tables[index + 1])
    }
  }

  @Test func `it has A and B of the layers that its targets name, in the network's order`() {
    let names = Self.adapter.manifest.entries.map(\.name)
    #expect(
      names
        == [
          "latent_in.0", "blocks.0.qkv", "blocks.0.mlp_out", "blocks.1.modulation", "blocks.1.qkv",
          "blocks.1.mlp_out",
        ].flatMap { ["\($0).lora_A.weight", "\($0).lora_B.weight"] })
    #expect(Self.adapter.manifest.entries[0].shape == [3, 4])
    #expect(Self.adapter.manifest.entries[1].shape == [32, 3])
    #expect(Self.adapter.manifest.isAdapter && !Self.network.table.manifest.isAdapter)
    func stranger(_ targets: String...) -> String? {
      LowRankAdapter.target(
        of: LowRankAdapter.Form(rank: 1, alpha: 1, targets: targets),
        thatIsNoLayerOf: Self.network.table
      )
    }
    #expect(stranger("qkv", "0", "final.modulation") == nil)
    #expect(stranger("qkv", "kv") == "kv" && stranger("words") == "words" && stranger("") == "")
  }

  @Test func `it begins with a random A, zeros as B, and so the network itself`() {
    let base = DiTTests.busyParameters()
    let start = Self.adapter.initialParameters(seed: 3)
    for (_, a, b) in Self.parts(of: start) {
      #expect(
        b.allSatisfy { $0.allSatisfy { $0 == 0 } } && a.allSatisfy { $0.contains { $0 != 0 } })
    }
    #expect(Self.adapter.merged(start, into: base) === base)
    #expect(Self.adapter.initialParameters(seed: 3).scalars == start.scalars)
    #expect(Self.adapter.initialParameters(seed: 4).scalars != start.scalars)
    let wide = LowRankAdapter(
      LowRankAdapter.Form(rank: 64, alpha: 1, targets: ["mlp_out"]), of: Self.network.table)
    let values = wide.initialParameters(seed: 9).matrix(at: 0, rows: 1, columns: 64 * 128)
    #expect(abs(values.sumOfSquares / (64 * 128) * 3 * 128 - 1) < 0.1)
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func `the sum is that of the formula`(seed: UInt64) {
    let base = DiTTests.busyParameters()
    let values = Buffer(Self.noise(Self.adapter.manifest.count, seed))
    let before = base.scalars
    let merged = Self.adapter.merged(values, into: base).scalars
    let expected = Self.literal(values, base).map { Float($0) }
    #expect(base.scalars == before, "the base is not changed")
    #expect(worstDeviation(merged, expected) < 1e-6)
    #expect(merged != before)
  }

  @Test func `slopes go to A and B as the formula says, and add up`() {
    let values = Buffer(Self.noise(Self.adapter.manifest.count, 1))
    let slopes = Buffer(Self.noise(Self.network.table.count, 2))
    let gradient = Buffer(count: values.count)
    for _ in 0..<2 { Self.adapter.pullBack(slopes, at: values, addingTo: gradient) }
    let s = 2 * Self.form.alpha / Double(Self.form.rank)
    var expected: [Float] = []
    for (name, a, b) in Self.parts(of: values) {
      let entry = Self.network.table["\(name).weight"]
      let slope = entry.view(in: slopes)
      for k in 0..<Self.form.rank {
        for i in 0..<entry.rows {
          expected.append(
            Float(
              s * (0..<entry.columns).reduce(0.0) { $0 + Double(b[$1][k]) * Double(slope[i, $1]) }))
        }
      }
      for o in 0..<entry.columns {
        for k in 0..<Self.form.rank {
          expected.append(
            Float(s * (0..<entry.rows).reduce(0.0) { $0 + Double(slope[$1, o]) * Double(a[k][$1]) })
          )
        }
      }
    }
    #expect(worstDeviation(gradient.scalars, expected) < 1e-5)
  }

  @Test func `turned off, every B is zero and A stays`() {
    let values = Buffer(Self.noise(Self.adapter.manifest.count, 4))
    let off = Self.adapter.manifest.adapterOff(values)
    for (was, new) in zip(Self.parts(of: values), Self.parts(of: off)) {
      #expect(new.a == was.a && new.b.allSatisfy { $0.allSatisfy { $0 == 0 } })
    }
    let whole = DiTTests.busyParameters()
    let same = Self.network.table.manifest.adapterOff(whole)
    #expect(same !== whole && same.scalars == whole.scalars)
  }
}
