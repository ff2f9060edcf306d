import Foundation
import Programs
import Records
import Rewards
import Tasks
import Testing
import TestSupport

/// What a reward is shown, and the examples of the README.
struct QuestionTests {
  private let shapes = Shapes()

  private var exhibits: [Exhibit] {
    var random = SplitMix64(seed: 3)
    return shapes.heldOutPrompts.prefix(6).map {
      Exhibit(prompt: $0, result: .latent(shapes.example(of: $0, using: &random)))
    }
  }

  /// The redness of a picture, as the example computes it from the PNG.
  private func redness(_ exhibit: Exhibit, side: Int) -> Float {
    guard case .latent(let latent) = exhibit.result else { return -1 }
    let pixels = shapes.picture(of: latent, side: side).pixels.map { Int($0) }
    var sum = 0
    for start in stride(from: 0, to: pixels.count, by: 3) {
      sum += max(0, pixels[start] - max(pixels[start + 1], pixels[start + 2]))
    }
    return Float(Double(sum) / Double(side * side) / 255)
  }

  private let example = "\(repositoryRoot())/scripts/examples/redness.py"

  @Test(arguments: [16, 64]) func `the example program sees the task's own picture`(side: Int)
    throws
  {
    var source = RewardSource(example)
    source.input = .picture(side: side)
    let reward = RewardPanel.reward(source, task: shapes)
    defer { reward.close() }
    let scores = try reward.scores(of: exhibits, waiting: {})
    for (score, exhibit) in zip(scores, exhibits) {
      #expect(abs(score - redness(exhibit, side: side)) < 1e-6)
    }
    #expect(Set(scores).count > 2)
  }

  @Test func `a PNG file of the user, filtered rows and all`() throws {
    let reward = RewardPanel.reward(RewardSource(example), task: Density())
    defer { reward.close() }
    let files = exhibits.map { exhibit -> Exhibit in
      guard case .latent(let latent) = exhibit.result else { return exhibit }
      return Exhibit(
        prompt: exhibit.prompt, result: .png(shapes.picture(of: latent, side: 48).png()))
    }
    let scores = try reward.scores(of: files, waiting: {})
    for (score, exhibit) in zip(scores, exhibits) {
      #expect(abs(score - redness(exhibit, side: 48)) < 1e-6)
    }
  }

  @Test func `latents are shown as they are`() throws {
    let folder = try ScratchFolder()
    let script = """
      #!/usr/bin/env python3
      import json, sys
      for line in sys.stdin:
          question = json.loads(line)
          assert set(question) == {"prompts", "latents"}
          print(json.dumps({"rewards": [sum(x) for x in question["latents"]]}), flush=True)
      """
    try folder.write(Data(script.utf8), to: "sum.py")
    var source = RewardSource("python3 \(folder.file("sum.py"))")
    source.input = .latent
    let reward = RewardPanel.reward(source, task: Density())
    defer { reward.close() }
    #expect(try reward.scores(of: Exhibits.eight, waiting: {}) == Exhibits.eight.map { _ in 0.25 })
    let png = Exhibit(prompt: Prompt(text: "", category: ""), result: .png([1, 2, 3]))
    let failure = try #require(Exhibits.failure(of: reward, [png]))
    #expect(failure.fault.kind == .unsuitable)
    #expect(failure.tries == 1)
  }

  @Test func `the task's judges score latents and say so of pictures`() throws {
    let panel = RewardPanel(
      RewardSource.Judge.allCases.map { RewardSource($0.rawValue) }, task: shapes)
    let scores = try panel.scores(of: exhibits)
    for (row, exhibit) in zip(scores, exhibits) {
      guard case .latent(let latent) = exhibit.result else { continue }
      let score = shapes.score(latent, for: exhibit.prompt)
      #expect(row == [score.soft, score.strict ? 1 : 0, score.heldOut])
    }
    let png = Exhibit(prompt: Prompt(text: "a circle", category: ""), result: .png([1]))
    #expect(Exhibits.failure(of: panel.rewards[0], [png])?.fault.kind == .unsuitable)
  }

  @Test(arguments: [
    ("judge", "judge", RewardSource.Place.judge(.judge)),
    ("held-out", "held-out", .judge(.heldOut)),
    ("http://127.0.0.1:8000/x", "127.0.0.1", .server("http://127.0.0.1:8000/x")),
    ("https://host", "host", .server("https://host")),
    ("./a b/redness.py --level 3", "a", .program("./a b/redness.py --level 3")),
    ("/x/my reward.py", "my", .program("/x/my reward.py")), ("é.py", "-", .program("é.py")),
    ("redness", "redness", .program("redness")),
  ])
  func `a source by its text`(text: String, name: String, place: RewardSource.Place) {
    let source = RewardSource(text)
    #expect(source.place == place)
    #expect(source.name == name)
    #expect(source.text == text)
    #expect(RewardSource.isName(source.name))
    let isJudge = if case .judge = place { true } else { false }
    #expect(source.isDeterministic == isJudge)
  }
}

/// What a reward hears of prompts beside their text, and whose pictures it sees.
struct QuestionFieldsTests {
  /// Answers with 1 where the question is what its first argument says, else with what it was asked.
  private func reward(
    _ condition: String, in folder: ScratchFolder, _ input: RewardSource.Input
  ) throws -> any Reward {
    let script = """
      import base64, json, struct, sys, zlib
      for line in sys.stdin:
          question = json.loads(line)
          if \(condition):
              print(json.dumps({"rewards": [1] * len(question["prompts"])}), flush=True)
          else:
              print(json.dumps({"error": line[:400]}), flush=True)
      """
    try folder.write(Data(script.utf8), to: "reward.py")
    var source = Exhibits.source("python3 \(folder.file("reward.py"))")
    source.input = input
    return RewardPanel.reward(source, task: OpenPrompts(latentCount: 2))
  }

  private func exhibit(_ metadata: String, picture: Picture? = nil) -> Exhibit {
    Exhibit(
      prompt: Prompt(text: "a", category: "b", negative: "c", metadata: metadata),
      result: .latent([0.5, -0.25]), picture: picture)
  }

  @Test func `metadata is there as the user wrote it, and null where there is none`() throws {
    let folder = try ScratchFolder()
    let reward = try reward(
      #"question["metadata"] == [{"count": 3, "of": ["x", None, True, 1.5]}, None, {}]"#
        + #" and set(question) == {"prompts", "latents", "metadata"}"#, in: folder, .latent)
    defer { reward.close() }
    let exhibits = [
      exhibit(#"{"of":["x",null,true,1.5],"count":3}"#), exhibit(""), exhibit("{}"),
    ]
    #expect(try reward.scores(of: exhibits, waiting: {}) == [1, 1, 1])
  }

  @Test func `where no prompt has metadata the question has no such field`() throws {
    let folder = try ScratchFolder()
    let reward = try reward(
      #"set(question) == {"prompts", "latents"}"#, in: folder, .latent)
    defer { reward.close() }
    #expect(try reward.scores(of: [exhibit(""), exhibit("")], waiting: {}) == [1, 1])
  }

  @Test func `a model's own picture is shown, of its own size and not the task's`() throws {
    let folder = try ScratchFolder()
    // A PNG says width and height in bytes 16 to 23.
    let reward = try reward(
      #"[struct.unpack(">II", base64.b64decode(i)[16:24]) for i in question["images"]] == [(3, 2), (16, 16)]"#,
      in: folder, .picture(side: 16))
    defer { reward.close() }
    let picture = Picture(width: 3, height: 2, pixels: (0..<18).map { UInt8($0 * 9) })
    #expect(
      try reward.scores(of: [exhibit("", picture: picture), exhibit("")], waiting: {}) == [1, 1])
  }

  @Test func `latents are asked for as they are, whoever decodes them`() throws {
    let folder = try ScratchFolder()
    let reward = try reward(#"question["latents"] == [[0.5, -0.25]]"#, in: folder, .latent)
    defer { reward.close() }
    let picture = Picture(width: 1, height: 1, pixels: [1, 2, 3])
    #expect(try reward.scores(of: [exhibit("", picture: picture)], waiting: {}) == [1])
  }
}
