import Foundation
import Records
import Tasks
import Testing
import TestSupport

/// Prompts that are any text, and everything that a line may say of one.
struct OpenPromptsTests {
  private let task = OpenPrompts(latentCount: 3)

  private func read(_ text: String, areJSON: Bool? = true) throws(PromptFileError) -> [Prompt] {
    try PromptFile.prompts(of: Array(text.utf8), file: "mine", areJSON: areJSON, for: task)
  }

  private func reason(_ text: String, areJSON: Bool = true) -> String? {
    do throws(PromptFileError) {
      _ = try read(text, areJSON: areJSON)
      return nil
    } catch {
      return "\(error)"
    }
  }

  /// Whether prompts are the same after they were written.
  private func expectKept(_ prompts: [Prompt]) throws {
    #expect(try read(PromptFile.text(of: prompts), areJSON: nil) == prompts)
  }

  private func metadata(_ prompt: Prompt) throws -> NSDictionary {
    try #require(
      try JSONSerialization.jsonObject(with: Data(prompt.metadata.utf8)) as? NSDictionary)
  }

  @Test func `any line is a prompt`() throws {
    let lines = [
      "a cat", "  äöü 🌊, \"quoted\" \\ back  ", "{not JSON}", "{\"prompt\": \"x\"}", "[1]",
      "# no note",
      "a\u{301}",
    ]
    let prompts = try read(lines.joined(separator: "\n"), areJSON: false)
    #expect(prompts.map(\.text) == lines.map { $0.trimmingCharacters(in: .whitespaces) })
    #expect(
      prompts.allSatisfy { $0.category == "prompts" && $0.negative.isEmpty && $0.metadata.isEmpty })
    try expectKept(prompts)
    for prompt in prompts { try expectKept([prompt]) }
  }

  @Test func `a mark of byte order is no part of a prompt, and nothing else changes by it`() throws
  {
    let prompts = try read(
      "\u{feff}a\n\u{feff}b\n \u{feff} c\u{feff}\n", areJSON: false)
    #expect(prompts.map(\.text) == ["a", "b", "c"])
    let more = try read(
      "{\"prompt\": \"\\ufeffa\", \"negative\": \"\\ufeffb\", \"\\ufeffc\": \"\\ufeffd\"}")
    #expect(more[0].text == "a")
    try expectKept(more)
  }

  @Test func `a plain prompt that begins with a brace is written as JSON, others as they are`()
    throws
  {
    let prompts = try read("{a} b\na {b}\n", areJSON: false)
    #expect(PromptFile.text(of: prompts) == "{\"prompt\":\"{a} b\"}\na {b}\n")
    try expectKept(prompts)
  }

  @Test func `what is not wanted, the category, and everything else`() throws {
    let line =
      #"{"prompt": "a cat", "negative": "a dog", "category": "pets", "count": 3, "deep": {"a": [1.5, null, true, "x"]}}"#
    let prompt = try #require(try read(line).first)
    #expect(prompt.text == "a cat" && prompt.negative == "a dog" && prompt.category == "pets")
    let metadata = try metadata(prompt)
    #expect(
      metadata["count"] as? Int == 3 && metadata["prompt"] == nil && metadata["negative"] == nil)
    let deep = try #require((metadata["deep"] as? [String: Any])?["a"] as? [Any])
    #expect(deep.count == 4 && deep[0] as? Double == 1.5 && deep[3] as? String == "x")
    try expectKept([prompt])
  }

  @Test func `without other fields there is no metadata`() throws {
    let prompts = try read("{\"prompt\": \"a\"}\n{\"prompt\": \"b\", \"negative\": \"c\"}\n")
    #expect(prompts.map(\.metadata) == ["", ""])
    #expect(prompts.map(\.negative) == ["", "c"])
    try expectKept(prompts)
  }

  @Test func `the same fields in another order are the same prompt`() throws {
    let prompts = try read(
      "{\"prompt\": \"a\", \"x\": 1, \"y\": 2}\n{\"y\": 2,\"x\":1, \"prompt\": \"a\"}\n")
    #expect(prompts[0] == prompts[1])
    let other = try read("{\"prompt\": \"a\", \"x\": 1, \"y\": 3}\n")
    #expect(other[0] != prompts[0])
  }

  @Test(arguments: [
    "0", "-0", "0.0", "-0.5", "1e-9", "1e22", "1.5e300", "9007199254740993", "-9223372036854775808",
    "12345678901234567890", "0.1", "true", "false", "null", "\"\"", "\"\\u0000\"",
    "\"\\u2028\\u0085\"",
    "\"a\\nb\\r\\tc\"", "\"/\\\\\\\"\"", "\"🌊\"", "[]", "{}", "[[[1]], {\"a\": {}}]",
  ])
  func `every value of JSON is there again after writing`(value: String) throws {
    let prompts = try read("{\"prompt\": \"a\", \"x\": \(value), \"é\": [\(value)]}")
    try expectKept(prompts)
    let metadata = try metadata(prompts[0])
    let whole = try #require(
      try JSONSerialization.jsonObject(with: Data("[\(value)]".utf8)) as? NSArray)
    #expect((metadata["x"] as? NSObject) == (whole[0] as? NSObject))
    #expect(Metadata(json: prompts[0].metadata) != nil)
  }

  @Test func `line ends inside of a text do not end its line`() throws {
    let prompts = try read(
      #"{"prompt": "a", "category": "b", "x": "1\u20282\u20293\u00854\n5\u000b6", "\u2028": 1}"#)
    #expect(PromptFile.text(of: prompts).split(whereSeparator: \.isNewline).count == 1)
    try expectKept(prompts)
  }

  @Test(arguments: [
    ("{\"prompt\": 7}", "not JSON of the form"), ("{\"text\": \"a\"}", "not JSON of the form"),
    ("[\"a\"]", "not JSON of the form"), ("\"a\"", "not JSON of the form"),
    ("a cat", "not JSON of the form"), ("{\"prompt\": \"a\"", "not JSON of the form"),
    ("{\"prompt\": \"\"}", "at least one character"),
    ("{\"prompt\": \"  \"}", "at least one character"),
    ("{\"prompt\": \"a\\nb\"}", "without control characters"),
    ("{\"prompt\": \"a\\u2028b\"}", "without control characters"),
    ("{\"prompt\": \"a\\u0085b\"}", "without control characters"),
    ("{\"prompt\": \"a\\u0000b\"}", "without control characters"),
    ("{\"prompt\": \"a\", \"negative\": 3}", "\"negative\" is no line of text of up to 4096 bytes"),
    ("{\"prompt\": \"a\", \"negative\": \"a\\nb\"}", "\"negative\" is no line"),
    (
      "{\"prompt\": \"a\", \"category\": [\"b\"]}",
      "\"category\" is no line of text of up to 64 bytes"
    ),
    ("{\"prompt\": \"a\", \"category\": \"a\\u001b[2J\"}", "\"category\" is no line"),
    (
      "{\"prompt\": \"a\", \"x\": \(String(repeating: "[", count: 40))"
        + "\(String(repeating: "]", count: 40))}", "not JSON of the form"
    ),
  ])
  func `a line that is no prompt is refused with its number`(line: String, words: String) throws {
    let refusal = try #require(reason("{\"prompt\": \"fine\"}\n\n\(line)\n"))
    #expect(refusal.hasPrefix("mine:3: ") && refusal.contains(words), "\(refusal)")
  }

  @Test func `limits of a line, and what just fits`() throws {
    func x(_ count: Int) -> String { String(repeating: "x", count: count) }
    #expect(try read(x(4_096), areJSON: false).count == 1)
    #expect(reason(x(4_097), areJSON: false)?.contains("4097 bytes, 4096 are allowed") == true)
    #expect(try read("{\"prompt\": \"\(x(16_370))\"}").count == 1)
    #expect(reason("{\"prompt\": \"\(x(16_371))\"}")?.contains("16384 are allowed") == true)
    #expect(try read("{\"prompt\": \"a\", \"negative\": \"\(x(4_096))\"}").count == 1)
    #expect(reason("{\"prompt\": \"a\", \"negative\": \"\(x(4_097))\"}") != nil)
    #expect(try read("{\"prompt\": \"a\", \"category\": \"\(x(64))\"}")[0].category == x(64))
    #expect(reason("{\"prompt\": \"a\", \"category\": \"\(x(65))\"}") != nil)
    #expect(try read("{\"prompt\": \"a\", \"x\": \"\(x(2_040))\"}")[0].metadata.utf8.count == 2_048)
    let long = reason("{\"prompt\": \"a\", \"x\": \"\(x(2_041))\"}")
    #expect(long?.contains("its other fields have more than 2048 bytes") == true)
    try expectKept(try read("{\"prompt\": \"\(x(16_370))\"}"))
  }

  @Test func `a list of prompts that a configuration holds may mix both`() throws {
    let text = "a cat\n{\"prompt\": \"a dog\", \"x\": 1}\n"
    let prompts = try read(text, areJSON: nil)
    #expect(prompts.map(\.text) == ["a cat", "a dog"])
    #expect(prompts[1].metadata == "{\"x\":1}")
    #expect(throws: PromptFileError.self) { try read("{a cat}", areJSON: nil) }
  }

  @Test func `a task with a grammar of its own takes no fields`() throws {
    let line = "{\"prompt\": \"north\", \"negative\": \"x\", \"category\": 7, \"more\": [1]}"
    let prompts = try PromptFile.prompts(
      of: Array(line.utf8), file: "mine", areJSON: true, for: Density())
    #expect(prompts == [try Density().prompt(parsing: "north")])
    // A line that begins with a brace is none of JSON there.
    #expect(throws: PromptFileError.self) {
      try PromptFile.prompts(of: Array(line.utf8), file: "mine", for: Density())
    }
  }

  @Test func `it has nothing of its own`() {
    #expect(task.latentTokens == 3 && task.latentChannels == 1)
    #expect(task.trainPrompts.isEmpty && task.heldOutPrompts.isEmpty && !task.isJudged)
    let prompt = Prompt(text: "a", category: "prompts")
    let score = task.score([1, 2, 3], for: prompt)
    #expect(score.soft == 0 && !score.strict && score.heldOut == 0)
    #expect(task.tokens(of: prompt).isEmpty && task.reasons([1, 2, 3], for: prompt).isEmpty)
    var random = SplitMix64(seed: 1)
    #expect(task.example(of: prompt, using: &random) == [0, 0, 0])
    let picture = task.picture(of: [1, 2, 3], side: 4)
    #expect(picture.width == 4 && picture.pixels == [UInt8](repeating: 128, count: 48))
  }

  @Test func `results of one prompt differ by their mean distance`() {
    let (one, two) = (Prompt(text: "a", category: "b"), Prompt(text: "c", category: "b"))
    let same = task.measures(of: [(one, [1, 1, 1]), (one, [1, 1, 1]), (two, [9, 9, 9])])
    #expect(same.diversity == ["latents": 0])
    // √((1 + 1 + 1) / 3) is 1, and d / (1 + d) a half.
    let apart = task.measures(of: [(one, [1, 1, 1]), (one, [2, 2, 2]), (two, [9, 9, 9])])
    #expect(apart.diversity == ["latents": 0.5])
    #expect(task.measures(of: [(one, [1, 1, 1]), (two, [2, 2, 2])]).diversity.isEmpty)
    #expect(task.measures(of: []).diversity.isEmpty)
  }
}
