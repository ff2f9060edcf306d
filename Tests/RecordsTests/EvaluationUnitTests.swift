import Records
import TestSupport
import Testing

/// Addresses of parts of evaluations.
struct EvaluationUnitTests {
  @Test func `an address says which part of which evaluation it is`() {
    var random = SplitMix64(seed: 4)
    for _ in 0..<1_000 {
      let version = PolicyVersion(random.next() % EvaluationUnit.versionLimit)
      let part = Int(random.next() % UInt64(EvaluationUnit.mostParts))
      let unit = EvaluationUnit(version, part: part)
      #expect(EvaluationUnit(unit.id) == unit)
      #expect(unit.id.description == "part \(part) of the evaluation of \(version)")
    }
  }

  @Test func `no unit that trains is part of an evaluation`() {
    for id: UInt64 in [0, 1, 1 << 62, (1 << 63) - 1] {
      #expect(EvaluationUnit(UnitID(id)) == nil)
      #expect(!PolicyVersion(id).isAveraged)
    }
    let edge = EvaluationUnit(PolicyVersion(0), part: 0)
    #expect(edge.id.rawValue == 1 << 63)
  }

  @Test func `averaged weights have a name of their own, in the order of versions`() {
    let (one, two) = (PolicyVersion(1).averaged, PolicyVersion(2).averaged)
    #expect(one < two && one.isAveraged && PolicyVersion(1 << 40) < one)
    #expect(two.description == "the averaged weights of version 2")
  }
}
