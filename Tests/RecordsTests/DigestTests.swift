import Records
import TestSupport
import Testing

struct RecordsDigestTests {
  @Test func `hexadecimal text and back`() {
    var random = SplitMix64(seed: 1)
    for _ in 0..<100 {
      let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
      let digest = Digest(bytes: bytes)
      #expect(digest.description.count == 64)
      #expect(Digest(hexadecimal: digest.description) == digest)
    }
    let counting = Digest(bytes: (0..<32).map { UInt8($0 * 8) })
    #expect(counting.description.hasPrefix("0008101820"))
    #expect(counting.description.hasSuffix("e8f0f8"))
  }

  @Test func `text that is no digest is refused`() {
    let good = String(repeating: "0a", count: 32)
    #expect(Digest(hexadecimal: good) != nil)
    let short = String(good.dropLast(2))
    let refused: [String] = [
      "", short, "\(good)0", "\(good)0a", good.uppercased(), " \(short)0", "\(short)0g",
      "\(short)é",
      "0x\(short)", "\(short)+1", "\(short)-1",
    ]
    for text in refused { #expect(Digest(hexadecimal: text) == nil, "\(text)") }
  }
}

struct UnitIDTests {
  @Test func `units and versions order by number and say what they are`() {
    #expect(UnitID(9) < UnitID(10) && !(UnitID(10) < UnitID(10)))
    #expect("\(UnitID(12))" == "unit 12")
    #expect("\(PolicyVersion(3))" == "version 3")
  }

  @Test func `update k makes version k + 1`() {
    let digest = Digest(bytes: Array(repeating: 1, count: 32))
    let commit = Commit(
      update: 6, epoch: 1, firstUnit: UnitID(24), unitCount: 4, unitsDigest: digest,
      paramsHash: digest, stateHash: digest, reward: 0)
    #expect(commit.version == PolicyVersion(7))
  }
}
