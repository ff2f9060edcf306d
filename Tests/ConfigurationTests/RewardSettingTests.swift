import Configuration
import Foundation
import Learning
import Ledger
import Objective
import Records
import Rewards
import Tasks
import TestSupport
import Testing

/// `reward.train`: everything that may be written there, and everything that may not.
struct RewardSettingTests {
  private func set(_ text: String) throws(ConfigurationError) -> RunConfiguration {
    var configuration = RunConfiguration()
    try configuration.set("reward.train", to: text, place: "command line")
    return configuration
  }

  @Test func `one word is a judge, a program or a server`() throws {
    #expect(try set("judge") == RunConfiguration())
    #expect(try set("strict").scoring.rewards[0].source.place == .judge(.strict))
    #expect(
      try set("./red.py --level 3").scoring.rewards[0].source.place
        == .program("./red.py --level 3"))
    let server = try set("http://127.0.0.1:8000").scoring.rewards[0].source
    #expect(server.place == .server("http://127.0.0.1:8000"))
    #expect(server.name == "127.0.0.1")
  }

  @Test func `a list in a file, and every field of an entry`() throws {
    let yaml = """
      reward:
        train:
          - judge
          - {name: red, program: ./red.py, weight: -0.5, input: latent, deterministic: true}
          - name: nice
            url: "http://host:8000"
            timeout: 2.5
            retries: 7
            concurrency: 4
            side: 128
        mix: advantages
      """
    let configuration = try Settings.merged(yaml)
    let rewards = configuration.scoring.rewards
    #expect(rewards.map(\.source.name) == ["judge", "red", "nice"])
    #expect(rewards.map(\.weight) == [1, -0.5, 1])
    #expect(rewards[1].source.input == .latent && rewards[1].source.isDeterministic)
    let nice = rewards[2].source
    #expect(nice.timeout == 2.5 && nice.retries == 7 && nice.concurrency == 4)
    #expect(nice.input == .picture(side: 128) && !nice.isDeterministic)
    #expect(try Settings.merged(configuration.yaml) == configuration)
    #expect(configuration.scoring.mix == .advantages)
  }

  @Test(arguments: [
    "judge", "[judge, strict]", "'/a b/c.py'", "[{name: red, program: '/a \"b\"/c.py -x'}]",
    "{name: judge, weight: 3}", "[{name: a, url: 'http://h:1/p?q=1&r=#x'}, judge]",
    "[{name: a, program: p, side: 8, timeout: 0.01, retries: 100, concurrency: 64}]",
  ])
  func `an entry goes to a file and back`(text: String) throws {
    let configuration = try set(text)
    #expect(try Settings.merged(configuration.yaml) == configuration)
    #expect(try Settings.merged(configuration.yaml).yaml == configuration.yaml)
  }

  @Test(arguments: [
    ("[]", "1 to 16"), ("[judge, judge]", "different names"), ("held-out", "must not train"),
    ("{name: held-out}", "must not train"), ("{name: nope}", "judge or strict"),
    ("{weight: 1}", "judge or strict"), ("{name: judge, timeout: 3}", "programs and servers"),
    ("{name: judge, program: ./x}", "no judge's name"), ("{name: 'a b', program: ./x}", "letters"),
    ("{name: '', program: ./x}", "name"), ("{program: ./x, url: 'http://h'}", "one of the two"),
    ("{url: 'ftp://h'}", "http://"), ("{program: ''}", "program"),
    ("{program: ./x, weight: heavy}", "number"), ("{program: ./x, weight: 1e9}", "1000"),
    ("{program: ./x, weight: nan}", "number"), ("{program: ./x, timeout: 0}", "0.01"),
    ("{program: ./x, retries: -1}", "0 to 100"), ("{program: ./x, concurrency: 0}", "1 to 64"),
    ("{program: ./x, side: 7}", "8 to 1024"), ("{program: ./x, input: video}", "latent"),
    ("{program: ./x, deterministic: perhaps}", "true or false"),
    ("{program: [./x]}", "one value"), ("[[judge]]", "a judge"), ("''", "a judge"),
    ("{", "YAML"),
  ])
  func `what may not be written is refused with a reason`(text: String, words: String) {
    do throws(ConfigurationError) {
      _ = try set(text)
      Issue.record("\(text) is taken")
    } catch {
      #expect("\(error)".contains(words), "\(error)")
      #expect("\(error)".contains("command line"), "\(error)")
    }
  }

  @Test func `a mistake in a file is named with its line and the nearest field`() {
    let error = Settings.refusal("reward:\n  train:\n    - {name: judge}\n    - {wieght: 2}\n")
    guard
      case .unknownKey("reward.train[1].wieght", nearest: "reward.train[1].weight", place: let at) =
        error
    else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(at == "run.yaml:4")
  }

  @Test func `weights that are all 0 teach nothing`() throws {
    let configuration = try set("{name: judge, weight: 0}")
    #expect(throws: ConfigurationError.self) { try configuration.recipe() }
  }

  @Test func `where a reward is found does not decide numbers, what it weighs does`() throws {
    let here = try set("{name: red, program: ./red.py}")
    let there = try set("{name: red, url: 'http://h:1', timeout: 3, retries: 1, concurrency: 2}")
    #expect(here.numericalYAML == there.numericalYAML)
    #expect(there.numericalDifferences(from: here).isEmpty)
    for other in [
      "{name: blue, program: ./red.py}", "{name: red, program: ./red.py, weight: 2}",
      "{name: red, program: ./red.py, side: 32}", "{name: red, program: ./red.py, input: latent}",
      "[judge, {name: red, program: ./red.py}]", "judge",
    ] {
      #expect(try set(other).numericalYAML != here.numericalYAML, "\(other)")
      #expect(try set(other).numericalDifferences(from: here).count == 1, "\(other)")
    }
  }
}

/// Prompts of one's own, from a file into the run.
struct OwnPromptsTests {
  private func density(_ train: String, _ evaluation: String = "auto") throws -> RunConfiguration {
    var configuration = try RunConfiguration(named: "density")
    configuration.trainPrompts = PromptSetting(train)
    configuration.evaluationPrompts = PromptSetting(evaluation)
    return configuration
  }

  @Test func `the contents of a file become part of the configuration`() throws {
    let folder = try ScratchFolder()
    try folder.write(Data("\u{feff}north\r\n\r\n  South \n".utf8), to: "a.txt")
    try folder.write(
      Data("{\"prompt\": \"north\", \"tag\": 3}\n{\"prompt\": \"south\"}".utf8), to: "b.jsonl")
    let text = try density(folder.file("a.txt"), folder.file("b.jsonl")).resolved()
    #expect(text.trainPrompts == .written("north\nsouth\n"))
    #expect(text.evaluationPrompts == .written("north\nsouth\n"))
    #expect(try text.resolved() == text)
    var read = RunConfiguration()
    try read.merge(yaml: text.yaml, file: "config.yaml")
    #expect(read == text)
    #expect(text.yaml.contains("train_prompts: |\n    north\n    south\n"), "\(text.yaml)")
    #expect(try read.recipe().task.trainPrompts.map(\.text) == ["north", "south"])
    let other = try density(folder.file("b.jsonl")).resolved()
    #expect(other.numericalYAML == text.numericalYAML, "the contents count and not the path")
    try folder.write(Data("north\n".utf8), to: "a.txt")
    let changed = try density(folder.file("a.txt")).resolved()
    #expect(changed.numericalYAML != text.numericalYAML)
    #expect(changed.numericalDifferences(from: text) == ["task.train_prompts (other prompts)"])
  }

  @Test(arguments: [
    ("a.txt", "north\nnowhere\n", "a.txt:2: \"nowhere\""), ("a.txt", "\n \n", "no prompts"),
    ("b.jsonl", "{\"prompt\": \"north\"}\n{\"text\": \"x\"}", "b.jsonl:2: the line is not JSON"),
    ("b.jsonl", "north", "b.jsonl:1:"), ("c.txt", "\u{1b}[2J", "c.txt:1:"),
    ("d.txt", "", "no prompts"),
    ("e.txt", "north\r\n\r\nnowhere\r\n", "e.txt:3: \"nowhere\""),
    (
      "f.txt", "north\n" + String(repeating: "a ", count: 3_000), "f.txt:2: the line has 6000 bytes"
    ),
  ])
  func `a prompt that cannot be judged is refused by file and line`(
    name: String, content: String, words: String
  ) throws {
    let folder = try ScratchFolder()
    try folder.write(Data(content.utf8), to: name)
    for configuration in [
      try density(folder.file(name)), try density("auto", folder.file(name)),
    ] {
      let error = #expect(throws: ConfigurationError.self) { try configuration.resolved() }
      #expect(error?.description.contains(words) == true, "\(String(describing: error))")
      #expect(throws: ConfigurationError.self) { try configuration.recipe() }
    }
  }

  @Test func `a file that is not there, and one that is not text`() throws {
    let folder = try ScratchFolder()
    #expect(throws: ConfigurationError.self) { try density(folder.file("none.txt")).resolved() }
    try folder.write(Data("north\n".utf8 + [0x6e, 0xff]), to: "x.txt")
    let error = #expect(throws: ConfigurationError.self) {
      try density(folder.file("x.txt")).resolved()
    }
    #expect(error?.description.contains("x.txt:2: the line is not text in UTF-8") == true)
  }

  @Test func `prompts that do not fit the configuration are named by digest`() throws {
    let many = String(repeating: "northeast\n", count: 7_000)
    let resolved = try density(many, many).resolved()
    let setting = resolved.trainPrompts.text
    #expect(setting.hasPrefix("prompts/") && setting.hasSuffix(".txt") && setting.utf8.count == 76)
    #expect(resolved.evaluationPrompts.text == setting && resolved.promptLists.count == 1)
    #expect(resolved.yaml.utf8.count < 10_000)
    #expect(try resolved.resolved() == resolved)
    for configuration in [resolved, try density(many)] {
      #expect(try configuration.recipe().task.trainPrompts.count == 7_000)
    }
    let written = try density(String(repeating: "northeast\n", count: 2_000)).resolved()
    #expect(written.trainPrompts.text.hasPrefix("northeast\n"), "it fits, as it always did")
  }

  @Test func `a long file is named by digest, however its prompts are written`() throws {
    let folder = try ScratchFolder()
    let names = (0..<3_000).map { ["north", "south", "north", "east"][$0 % 4] }
    let texts: [String: String] = [
      "a.txt": names.joined(separator: "\n"),
      "b.txt": "\u{feff}" + names.map { "  \($0.uppercased())\r\n\r\n" }.joined(),
      "c.jsonl": names.map { "{\"prompt\": \"\($0)\"}\n" }.joined(),
      "d.txt": names.joined(separator: "\u{2028}"), "e.txt": names.joined(separator: "\r"),
    ]
    var settings: Set<PromptSetting> = []
    for (name, text) in texts {
      try folder.write(Data(text.utf8), to: name)
      let resolved = try density(folder.file(name)).resolved()
      settings.insert(resolved.trainPrompts)
      #expect(try resolved.recipe().task.trainPrompts.map(\.text) == names, "\(name)")
    }
    #expect(settings.count == 1)
  }

  @Test func `a configuration finds the lists beside it, and only whole ones`() throws {
    let folder = try ScratchFolder()
    let resolved = try density(String(repeating: "north\nsouth\n", count: 6_000)).resolved()
    let list = try #require(resolved.promptLists.first)
    try FileManager.default.createDirectory(
      atPath: folder.file("prompts"), withIntermediateDirectories: true)
    try folder.write(Data(resolved.yaml.utf8), to: "config.yaml")
    func read() throws -> RunConfiguration {
      try RunConfiguration(named: folder.file("config.yaml"))
    }
    let lacking = #expect(throws: ConfigurationError.self) { try read().recipe() }
    #expect(lacking?.description.contains("is not beside") == true)
    try folder.write(Data(list.bytes), to: list.setting)
    #expect(try read().recipe().task.trainPrompts.count == 12_000)
    try folder.write(Data(list.bytes.dropLast(6)), to: list.setting)
    let damaged = #expect(throws: ConfigurationError.self) { try read() }
    #expect(damaged?.description.contains("does not have the digest") == true)
  }

  @Test func `prompts are the same in full and by digest, and a run keeps its spelling`() throws {
    let short = try density(String(repeating: "north\nsouth\n", count: 2_000)).resolved()
    let folder = try ScratchFolder()
    try folder.write(Data(short.trainPrompts.text.utf8), to: "a.txt")
    var long = try density(folder.file("a.txt")).resolved()
    #expect(short.trainPrompts != long.trainPrompts)
    #expect(long.numericalDifferences(from: short).isEmpty)
    long.spellPrompts(as: short)
    #expect(long.numericalYAML == short.numericalYAML)
    try folder.write(Data((short.trainPrompts.text + "east\n").utf8), to: "a.txt")
    let other = try density(folder.file("a.txt")).resolved()
    #expect(other.numericalDifferences(from: short) == ["task.train_prompts (other prompts)"])
  }
}
