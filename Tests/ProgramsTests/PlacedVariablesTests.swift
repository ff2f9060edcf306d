import Programs
import Testing

struct PlacedVariablesTests {
  @Test func `variables follow from the number of a process`() throws {
    let placed = try PlacedVariables(
      "CUDA_VISIBLE_DEVICES={index%4} A=x{index}y B={index/2},{index+7} C= D=a=b")
    #expect(
      placed.values(at: 5) == [
        "CUDA_VISIBLE_DEVICES": "1", "A": "x5y", "B": "2,12", "C": "", "D": "a=b",
      ])
    #expect(try PlacedVariables("").values(at: 3).isEmpty)
    #expect(try PlacedVariables("  A=1   B=2 ").values(at: 0) == ["A": "1", "B": "2"])
  }

  @Test(arguments: [
    ("A", "A is not NAME=VALUE"), ("=1", "=1 is not NAME=VALUE"),
    ("2A=1", "2A is no name of a variable: letters, digits and _"), ("A=1 A=2", "A is there twice"),
    ("A={other}", "{other} has a brace"), ("A={index", "{index has a brace"),
    ("A={index%0}", "{index%0} has a brace"), ("A={index*2}", "{index*2} has a brace"),
    ("A={index%99999}", "{index%99999} has a brace"), ("A={index+-1}", "{index+-1} has a brace"),
  ])
  func `what says no variable is refused in one clause`(text: String, clause: String) {
    #expect { try PlacedVariables(text) } throws: { "\($0)".hasPrefix(clause) }
  }
}
