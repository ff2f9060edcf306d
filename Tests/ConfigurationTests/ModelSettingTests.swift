import Configuration
import Flow
import Foundation
import Learning
import Ledger
import Models
import Programs
import Records
import Tasks
import Testing
import TestSupport

/// `model.program`: a model that is a program, from a line of settings to a recipe.
@Suite(.serialized) struct ModelSettingTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  private func command(_ arguments: String) -> String {
    "python3 \(repositoryRoot())/Tests/ModelsTests/Programs/model.py \(arguments)"
  }

  /// The test bed with a model of its latents, and settings on top.
  private func settings(_ arguments: String = "--latent 2", _ more: [String: String] = [:])
    throws -> RunConfiguration
  {
    var configuration = try RunConfiguration(named: "density")
    try configuration.set("model.program", to: command(arguments), place: "test")
    for (path, value) in more.sorted(by: { $0.key < $1.key }) {
      try configuration.set(path, to: value, place: "test")
    }
    return configuration
  }

  /// A file that has everything but what the program says of itself in full.
  private func saved(_ configuration: RunConfiguration, _ more: [String: String] = [:]) throws
    -> RunConfiguration
  {
    var read = RunConfiguration()
    try read.merge(yaml: configuration.yaml, file: "config.yaml")
    for (path, value) in more { try read.set(path, to: value, place: "test") }
    return read
  }

  @Test func `a program is asked what it is, and that is kept in the configuration`() throws {
    let resolved = try settings().resolved()
    let contract = try #require(resolved.programContract)
    #expect(contract.model.name == "words" && contract.latent == [2])
    #expect(resolved.model.contract == contract.summary)
    #expect(resolved.model.folder == FileManager.default.currentDirectoryPath)
    #expect(try resolved.resolved() == resolved)
    let read = try saved(resolved)
    #expect(read.model == resolved.model)
    #expect(try read.resolved() == resolved, "the program is asked again and says the same")
    let recipe = try resolved.recipe()
    #expect(recipe.model.contract == contract.contract)
    #expect(recipe.model is ModelProgram && recipe.latentCount == 2)
  }

  @Test func `a unit that is too large to send is refused with its size`() throws {
    try folder.write(Data("a cat\n".utf8), to: "prompts.txt")
    let resolved = try settings(
      "--latent 4194304",
      [
        "task.name": "prompts", "task.train_prompts": folder.file("prompts.txt"),
        "reward.train": "{name: own, program: /bin/cat}",
      ]
    ).resolved()
    let refusal = sentence { try resolved.recipe() }
    #expect(refusal.contains("one unit would send") && refusal.contains("268435456"), "\(refusal)")
  }

  @Test func `relative words are found in the folder where the run begins`() throws {
    try FileManager.default.copyItem(
      atPath: "\(repositoryRoot())/Tests/ModelsTests/Programs/model.py",
      toPath: folder.file("mine.py"))
    let resolved = try settings(
      "", ["model.program": "./mine.py --latent 2", "model.folder": folder.path]
    ).resolved()
    #expect(resolved.model.program == "\(folder.path)/mine.py --latent 2")
    #expect(resolved.model.folder == folder.path)
    try FileManager.default.removeItem(atPath: folder.file("mine.py"))
    let gone = sentence { try saved(resolved).resolved() }
    #expect(gone.contains("model.program") && gone.contains("mine.py"), "\(gone)")
  }

  @Test(arguments: [
    ("--latent 2 --base b", ["base"]), ("--latent 2 --rows 9", ["max_rows"]),
    ("--latent 2 --slots 9 --prompts 99", ["prompts", "slots"]),
    ("--latent 2 --picture 0x0", ["picture"]), ("--latent 3", ["latent", "parameters"]),
    ("--latent 2 --guidance none", ["guidance"]),
  ])
  func `a program that became another model is refused with the fields`(
    arguments: String, fields: [String]
  ) throws {
    let resolved = try settings().resolved()
    let other = sentence {
      try saved(resolved, ["model.program": command(arguments)]).resolved()
    }
    // A run that goes on knows its contract, and asks all the same.
    var changed = resolved
    try changed.set("model.program", to: command(arguments), place: "test")
    let refusal = #expect(throws: RunFailure.self) { try changed.checkProgram() }
    #expect(refusal?.code == .incompatible)
    #expect(
      refusal.map { other.hasSuffix($0.description) } == true, "\(String(describing: refusal))")
    try resolved.checkProgram()
    #expect(other.contains("is another model than the run's: \(fields[0]) ("), "\(other)")
    for field in ["base", "class", "latent", "picture", "guidance", "max_rows", "slots", "prompts"]
    {
      #expect(other.contains("\(field) (") == fields.contains(field), "\(other)")
    }
  }

  @Test func `latents that are not the task's are refused with both shapes`() throws {
    let resolved = try settings("--latent 3").resolved()
    let refusal = sentence { try resolved.recipe() }
    #expect(
      refusal.contains("the model words makes latents of shape [3], the task density has 1 × 2"),
      "\(refusal)")
  }

  @Test func `a model without guidance is asked for none`() throws {
    let unguided = try settings("--latent 2 --guidance none").resolved()
    #expect(try unguided.recipe().model.contract.guidance == .none)
    var guided = unguided
    try guided.set("sample.guidance", to: "1.5", place: "test")
    let refusal = sentence { try guided.recipe() }
    #expect(
      refusal.contains("sample.guidance is 1.5, and the model words knows no guidance; use 1"),
      "\(refusal)")
    var linear = try settings().resolved()
    try linear.set("sample.guidance", to: "1.5", place: "test")
    #expect(try linear.recipe().model.contract.guidance == .linear)
  }

  @Test func `a recipe needs to know what the program says`() throws {
    let unresolved = sentence { try settings().recipe() }
    #expect(unresolved.contains("it is not known what the program"), "\(unresolved)")
    var lost = try settings().resolved()
    lost.programContract = nil
    #expect(sentence { try lost.recipe() }.contains("it is not known what the program"))
  }

  @Test func `a contract without a program belongs to nothing`() throws {
    var configuration = try RunConfiguration(named: "density")
    try configuration.set("model.contract", to: "{}", place: "test")
    #expect(
      sentence { try configuration.resolved() }.contains(
        "model.contract belongs to model.program, which is not given"))
  }

  @Test(arguments: [
    ("/no/such/program", "there is no program /no/such/program"),
    ("no-such-program-anywhere", "no-such-program-anywhere"),
    ("python3 nowhere.py", "nowhere.py, which python3 is to run"), ("/tmp", "is a folder"),
    ("/bin/false", "ended (exit 1)"),
  ])
  func `a program that cannot be asked is named`(program: String, words: String) throws {
    let refusal = sentence { try settings("", ["model.program": program]).resolved() }
    #expect(refusal.contains("model.program: ") && refusal.contains(words), "\(refusal)")
  }

  @Test func `what a program said before it failed is there`() throws {
    let refusal = sentence {
      try settings("--latent 2 --do die --at hello").resolved()
    }
    #expect(refusal.contains("ended (exit 3)"), "\(refusal)")
    #expect(refusal.contains("\n  1: there was no more paper"), "\(refusal)")
    let silent = sentence {
      try settings("--latent 2 --do silent --at hello", ["model.timeout": "0.1"]).resolved()
    }
    #expect(silent.contains("no answer within 1 s"), "\(silent)")
  }

  @Test func `the contract decides numbers, and nothing else of a program does`() throws {
    let resolved = try settings().resolved()
    #expect(resolved.numericalYAML.contains("contract:"))
    for (path, value) in [
      ("model.program", "/elsewhere/model"), ("model.folder", "/elsewhere"),
      ("model.timeout", "7"), ("model.retries", "9"), ("model.processes", "5"),
    ] {
      var other = resolved
      try other.set(path, to: value, place: "test")
      #expect(other != resolved && other.yaml != resolved.yaml, "\(path)")
      #expect(other.numericalYAML == resolved.numericalYAML, "\(path)")
      #expect(other.numericalDifferences(from: resolved).isEmpty, "\(path)")
    }
    let other = try settings("--latent 2 --base b").resolved()
    #expect(other.numericalYAML != resolved.numericalYAML)
    let differences = other.numericalDifferences(from: resolved)
    #expect(differences == ["model.program (another model)"])
  }

  @Test func `without a program a configuration says nothing of one to learner and actor`() throws {
    for preset in ["shapes", "density"] {
      let text = try RunConfiguration(named: preset).resolved().numericalYAML
      for word in ["program", "contract", "processes", "timeout", "retries"] {
        #expect(!text.contains("\(word):"), "\(word)")
      }
    }
  }

  // MARK: Open prompts

  /// A task that is nothing but prompts, with all that it needs but what a test leaves out.
  private func open(without missing: String = "", _ more: [String: String] = [:]) throws
    -> RunConfiguration
  {
    var lines = "{\"prompt\": \"a cat\", \"more\": 3}\n"
    lines += (0..<99).map { "{\"prompt\": \"number \($0)\", \"category\": \"n\"}\n" }.joined()
    try folder.write(Data(lines.utf8), to: "prompts.jsonl")
    var given = [
      "model.program": command("--latent 6"), "task.name": "prompts",
      "task.train_prompts": folder.file("prompts.jsonl"),
      "reward.train": "{name: own, program: /bin/cat, input: latent}",
    ]
    given[missing] = nil
    given.merge(more) { $1 }
    var configuration = RunConfiguration()
    for (path, value) in given { try configuration.set(path, to: value, place: "test") }
    return configuration
  }

  @Test func `prompts of any kind need a program, prompts and rewards`() throws {
    let whole = try open().resolved().recipe()
    #expect(whole.task.name == "prompts" && whole.latentCount == 6)
    #expect(whole.task.trainPrompts.count == 100)
    #expect(whole.task.trainPrompts[0].metadata == "{\"more\":3}")
    #expect(whole.task.trainPrompts[1].category == "n")
    // A part of them, from all over the list.
    #expect(whole.task.heldOutPrompts.count == 32)
    #expect(whole.task.heldOutPrompts[0] == whole.task.trainPrompts[0])
    #expect(whole.task.heldOutPrompts[31] == whole.task.trainPrompts[96])
    for (missing, words) in [
      ("model.program", "is for models that are programs; give model.program"),
      ("task.train_prompts", "has no prompts; give task.train_prompts a file"),
      ("reward.train", "has no judge; give reward.train a program or a server"),
    ] {
      let refusal = sentence { try open(without: missing).resolved().recipe() }
      #expect(refusal.contains("the task prompts \(words)"), "\(refusal)")
    }
    let silent = sentence { try open(["eval.rewards": "false"]).resolved().recipe() }
    #expect(silent.contains("eval.rewards must be true"), "\(silent)")
  }

  @Test func `open prompts go to actors with all that was said of them`() throws {
    let resolved = try open().resolved()
    let read = try saved(resolved).resolved()
    #expect(try read.recipe().task.trainPrompts == resolved.recipe().task.trainPrompts)
    let few = try open(["task.train_prompts": "{\"prompt\": \"{a}\", \"negative\": \"b\"}\nplain\n"]
    )
    .resolved()
    let prompts = try saved(few).resolved().recipe().task.trainPrompts
    #expect(prompts.map(\.text) == ["{a}", "plain"] && prompts.map(\.negative) == ["b", ""])
    #expect(try few.recipe().task.heldOutPrompts == prompts)
  }
}
