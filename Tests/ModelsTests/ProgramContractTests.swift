import Flow
import Foundation
import Network
import Programs
import Testing

import Models

/// What a program may say of itself, and what each field is refused for.
struct ProgramContractTests {
  private func refusal(_ change: (inout [String: Any]) -> Void) throws -> String? {
    var text = ContractText()
    change(&text.fields)
    let bytes = try text.bytes()
    do throws(Fault) {
      _ = try ProgramContract(decoding: bytes)
      return nil
    } catch {
      return "\(error)"
    }
  }

  private func contract(_ change: (inout [String: Any]) -> Void = { _ in }) throws
    -> ProgramContract
  {
    var text = ContractText()
    change(&text.fields)
    return try ProgramContract(decoding: try text.bytes())
  }

  @Test func `a call is to have 256 rows, unless they are large or the program takes fewer`() throws
  {
    for (latent, most, wanted) in [
      ([3], 8, 8), ([3], 1_000, 256), ([64, 1_024], 1_000, 16), ([2_048, 1_024], 1_000, 1),
    ] {
      let contract = try contract {
        $0["latent"] = latent
        $0["max_rows"] = most
      }
      #expect(contract.contract.wantedRows == wanted)
    }
  }

  private static let optional = ["picture", "evaluations", "metadata"]

  @Test(arguments: ContractText().fields.keys.sorted())
  func `a field that is missing is named, unless it may be`(field: String) throws {
    let refusal = try refusal { $0[field] = nil }
    if Self.optional.contains(field) {
      #expect(refusal == nil)
    } else {
      #expect(refusal == "its contract has no \"\(field)\"")
    }
  }

  @Test(arguments: ContractText().fields.keys.sorted())
  func `a field of another kind is named`(field: String) throws {
    let others: [Any] = [["x": ["y": 1]], [["z"]], "seven", 0.5, NSNull()]
    for other in others {
      let sentence = try refusal { $0[field] = other }
      let isText = other is String && ["guidance", "class", "base"].contains(field)
      let isNone = other is NSNull && Self.optional.contains(field)
      if isText || isNone {
        #expect((sentence == nil) == (isNone || field == "class"), "\(other)")
      } else {
        // What is no whole number is known by its place in the text alone.
        #expect(
          sentence?.contains("\"\(field)") == true
            || other is Double && sentence?.hasPrefix("its contract cannot be read: ") == true,
          "\(other): \(sentence ?? "taken")")
      }
    }
  }

  @Test(arguments: ["model", "parameters"])
  func `a part of a field that is missing or of another kind is refused`(field: String) throws {
    for part in ["name", field == "model" ? "version" : "shape"] {
      for other in [nil, 3 as Any, [String: String]() as Any] {
        let sentence = try refusal { fields in
          var whole: [String: Any] =
            field == "model" ? ["name": "a", "version": "1"] : ["name": "a", "shape": [1]]
          whole[part] = other
          fields[field] = field == "model" ? whole : [whole] as Any
        }
        #expect(sentence?.contains(part) == true, "\(sentence ?? "taken")")
      }
    }
  }

  struct Wrong: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// JSON of fields that replace others.
    var fields: String
    var words: String

    init(_ fields: String, _ words: String) {
      testDescription = fields.count > 80 ? "\(fields.prefix(80))…" : fields
      self.fields = fields
      self.words = words
    }
  }

  private static let long = String(repeating: "a", count: 65)
  private static let longer = String(repeating: "a", count: 513)
  static let wrong = [
    Wrong(#"{"protocol": 0}"#, "is of protocol 0, this release speaks 1"),
    Wrong(#"{"protocol": 2}"#, "is of protocol 2"),
    Wrong(#"{"model": {"name": "", "version": "1"}}"#, "name and version"),
    Wrong(#"{"model": {"name": "a", "version": ""}}"#, "name and version"),
    Wrong("{\"model\": {\"name\": \"\(long)\", \"version\": \"1\"}}", "name and version"),
    Wrong("{\"model\": {\"name\": \"a\", \"version\": \"\(long)\"}}", "name and version"),
    Wrong(#"{"model": {"name": "a\nb", "version": "1"}}"#, "name and version"),
    Wrong(#"{"base": ""}"#, "\"base\""), Wrong("{\"base\": \"\(long.dropLast(2))\"}", "\"base\""),
    Wrong("{\"base\": \"\(long.dropLast(2))g\"}", "\"base\""),
    Wrong("{\"base\": \"\(long)\"}", "\"base\""),
    Wrong(#"{"parameters": []}"#, "nothing to train"),
    Wrong(#"{"parameters": [{"name": "", "shape": [1]}]}"#, "without a proper name"),
    Wrong(#"{"parameters": [{"name": "a\u0000", "shape": [1]}]}"#, "without a proper name"),
    Wrong("{\"parameters\": [{\"name\": \"\(longer)\", \"shape\": [1]}]}", "without a proper name"),
    Wrong(
      #"{"parameters": [{"name": "a", "shape": [1]}, {"name": "b", "shape": [1]}, {"name": "a", "shape": [2]}]}"#,
      "two parameters named a"),
    Wrong(#"{"parameters": [{"name": "a", "shape": [0]}]}"#, "parameter a of shape [0]"),
    Wrong(#"{"parameters": [{"name": "a", "shape": [4, -1]}]}"#, "of shape [4, -1]"),
    Wrong(#"{"parameters": [{"name": "a", "shape": [1073741825]}]}"#, "of shape [1073741825]"),
    Wrong(#"{"parameters": [{"name": "a", "shape": [32768, 32769]}]}"#, "of shape"),
    // The product of these is 0 in 64 bits, and that of the next ones 1.
    Wrong(
      #"{"parameters": [{"name": "a", "shape": [1073741824, 1073741824, 16]}]}"#, "of shape"),
    Wrong(
      #"{"parameters": [{"name": "a", "shape": [9223372036854775807, 9223372036854775807]}]}"#,
      "of shape"),
    Wrong(#"{"parameters": [{"name": "a", "shape": [-1, -1]}]}"#, "of shape [-1, -1]"),
    Wrong(#"{"parameters": [{"name": "a", "shape": [1e30]}]}"#, "cannot be read"),
    Wrong(
      #"{"parameters": [{"name": "a", "shape": [1073741824]}, {"name": "b", "shape": [1]}]}"#,
      "more than 1073741824 trainable scalars"),
    Wrong(#"{"latent": []}"#, "latents of shape []"),
    Wrong(#"{"latent": [0]}"#, "latents of shape"),
    Wrong(#"{"latent": [-2, -2]}"#, "latents of shape"),
    Wrong(#"{"latent": [4194305]}"#, "up to 4194304"),
    Wrong(#"{"latent": [2049, 2048]}"#, "latents of shape"),
    Wrong(#"{"latent": [4611686018427387904, 4]}"#, "latents of shape"),
    Wrong(#"{"picture": []}"#, "pictures of size []"),
    Wrong(#"{"picture": [2]}"#, "pictures of size [2]"),
    Wrong(#"{"picture": [2, 3, 4]}"#, "pictures of size"),
    Wrong(#"{"picture": [0, 3]}"#, "pictures of size"),
    Wrong(#"{"picture": [3, 4097]}"#, "pictures of size"),
    Wrong(#"{"guidance": ""}"#, "allowed are linear, own and none"),
    Wrong(#"{"guidance": "Linear"}"#, "a guidance \"Linear\""),
    Wrong(#"{"evaluations": 0}"#, "1 or 2 are allowed"),
    Wrong(#"{"evaluations": 3}"#, "1 or 2 are allowed"), Wrong(#"{"class": ""}"#, "a class"),
    Wrong(#"{"class": "a\tb"}"#, "a class"),
    Wrong("{\"class\": \"\(String(repeating: "é", count: 129))\"}", "a class"),
    Wrong(#"{"max_rows": 0}"#, "max_rows 0"), Wrong(#"{"max_rows": -1}"#, "max_rows -1"),
    Wrong(#"{"max_rows": 65537}"#, "max_rows 65537; 1 to 65536"),
    Wrong(#"{"slots": 3}"#, "3 slots; 4 to 64"), Wrong(#"{"slots": 65}"#, "65 slots"),
    Wrong(#"{"prompts": 63}"#, "63 prompts; 64 to 1000000"),
    Wrong(#"{"prompts": 1000001}"#, "1000001 prompts"),
    Wrong(#"{"metadata": ["a", ""]}"#, "metadata"),
    Wrong("{\"metadata\": [\"\(long)\"]}", "metadata"),
    Wrong(
      "{\"metadata\": [\((0..<65).map { "\"\($0)\"" }.joined(separator: ","))]}",
      "more than 64 metadata fields"),
  ]

  @Test(arguments: wrong) func `a field out of its range is refused with its value`(wrong: Wrong)
    throws
  {
    let fields = try JSONSerialization.jsonObject(with: Data(wrong.fields.utf8)) as? [String: Any]
    let sentence = try refusal { $0.merge(fields ?? [:]) { $1 } }
    #expect(
      sentence?.hasPrefix("its contract ") == true || sentence?.hasPrefix("its contract's") == true)
    #expect(sentence?.contains(wrong.words) == true, "\(sentence ?? "taken")")
  }

  @Test func `the ends of every range are taken`() throws {
    for (field, values) in [
      ("max_rows", [1, 65_536]), ("slots", [4, 64]), ("prompts", [64, 1_000_000]),
      ("evaluations", [1, 2]),
    ] {
      for value in values { #expect(try refusal { $0[field] = value } == nil, "\(field) \(value)") }
    }
    #expect(try refusal { $0["latent"] = [2048, 2048] } == nil)
    #expect(try refusal { $0["picture"] = [4096, 1] } == nil)
    #expect(try refusal { $0["class"] = String(repeating: "é", count: 128) } == nil)
    let most = try contract { $0["parameters"] = [["name": "a", "shape": [32_768, 32_768]]] }
    #expect(most.contract.parameters.count == 1 << 30)
    #expect(
      try contract { $0["parameters"] = [["name": "a", "shape": [Int]()]] }.manifest.count == 1)
  }

  @Test(arguments: [
    "", "null", "7", "\"a\"", "[]", "{}", "{\"protocol\":", "\u{0}", "[[[[", "{\"protocol\": 1}",
    String(repeating: "{\"a\":", count: 1000),
    String(repeating: "[", count: 600) + String(repeating: "]", count: 600),
  ])
  func `what is no contract at all is refused in a sentence`(text: String) {
    do throws(Fault) {
      _ = try ProgramContract(decoding: Array(text.utf8))
      Issue.record("\(text) is taken")
    } catch {
      #expect(error.kind == .garbage && error.outline.hasPrefix("its contract"), "\(error)")
      #expect(error.description.utf8.count < 400)
    }
  }

  @Test func `it is written as it was read`() throws {
    for change in [
      { _ in }, { $0["picture"] = nil }, { $0["evaluations"] = nil }, { $0["metadata"] = nil },
      { $0["model"] = ["name": "\"parameters\":[]", "version": "ä/\\"] },
      { $0["class"] = "x \"parameters\":[] y" },
    ] as [(inout [String: Any]) -> Void] {
      let contract = try contract(change)
      #expect(try ProgramContract(decoding: contract.json) == contract)
      #expect(contract.differences(from: contract.summary).isEmpty)
      let fields = try #require(
        try JSONSerialization.jsonObject(with: Data(contract.summary.utf8)) as? [String: Any])
      let parameters = try #require(fields["parameters"] as? [String: Any])
      #expect(parameters["count"] as? Int == 9)
      #expect((parameters["digest"] as? String)?.count == 64)
      #expect(!contract.summary.contains("\n"))
    }
    #expect(try contract { $0["unheard"] = [1, 2] } == contract())
  }

  @Test(arguments: [
    (#"{"base": "0000000000000000000000000000000000000000000000000000000000000000"}"#, "base"),
    (#"{"model": {"name": "words", "version": "2"}}"#, "model"),
    (#"{"latent": [4]}"#, "latent"), (#"{"class": "float16"}"#, "class"),
    (#"{"exact": false}"#, "exact"), (#"{"row_invariant": false}"#, "row_invariant"),
    (#"{"pullback_exact": false}"#, "pullback_exact"), (#"{"guidance": "own"}"#, "guidance"),
    (#"{"evaluations": 1}"#, "evaluations"), (#"{"picture": [3, 2]}"#, "picture"),
    (#"{"max_rows": 9}"#, "max_rows"), (#"{"slots": 5}"#, "slots"),
    (#"{"prompts": 65}"#, "prompts"), (#"{"metadata": ["less"]}"#, "metadata"),
    (#"{"parameters": [{"name": "scale", "shape": [9]}]}"#, "parameters"),
    (
      #"{"parameters": [{"name": "shift", "shape": [3]}, {"name": "scale", "shape": [3]}, {"name": "word", "shape": [3]}]}"#,
      "parameters"
    ),
  ])
  func `a difference is named, and nothing else`(change: String, field: String) throws {
    let fields = try #require(
      try JSONSerialization.jsonObject(with: Data(change.utf8)) as? [String: Any])
    let (usual, other) = (try contract(), try contract { $0.merge(fields) { $1 } })
    let differences = other.differences(from: usual.summary)
    #expect(differences.count == 1 && differences[0].hasPrefix("\(field) ("), "\(differences)")
    #expect(usual.summary != other.summary)
  }

  @Test func `a field that only one has is nothing on the other side`() throws {
    let without = try contract { $0["picture"] = nil }
    let differences = without.differences(from: try contract().summary)
    #expect(differences.count == 1)
    #expect(differences[0].hasPrefix("picture (") && differences[0].hasSuffix("nothing here)"))
    #expect(try contract().differences(from: without.summary)[0].contains("(nothing there"))
  }

  @Test func `a model knows what its program says`() throws {
    let model = try contract().contract
    #expect(model.latent == [3] && model.latentCount == 3 && model.parameters.count == 9)
    #expect(model.guidance == .linear && model.guidedEvaluations == 2)
    #expect(model.exactness.isExact && model.exactness.isRowInvariant && model.exactness.isWhole)
    #expect(model.picture?.height == 2 && model.picture?.width == 3)
    #expect(try contract { $0["evaluations"] = nil }.contract.guidedEvaluations == 2)
    let own = try contract {
      $0["evaluations"] = nil
      $0["guidance"] = "own"
    }
    #expect(own.contract.guidedEvaluations == 1)
    #expect(try contract { $0["base"] = String(repeating: "b", count: 64) }.contract != model)
  }
}
