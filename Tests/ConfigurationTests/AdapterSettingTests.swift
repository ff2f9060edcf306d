import Configuration
import Flow
import Foundation
import Learning
import Ledger
import Network
import Records
import Tensor
import Testing
import TestSupport

/// `model.lora`: from lines of settings to a recipe whose model is an adapter.
struct AdapterSettingTests {
  private func settings(_ more: [String: String] = [:]) throws -> RunConfiguration {
    var configuration = try RunConfiguration(named: "density")
    for (path, value) in ["model.lora.rank": "4"].merging(more, uniquingKeysWith: { $1 }) {
      try configuration.set(path, to: value, place: "test")
    }
    return configuration
  }

  @Test func `a resolved configuration knows the base, and its recipe trains the adapter alone`()
    throws
  {
    let resolved = try settings(["model.lora.alpha": "6"]).resolved()
    let model = try #require(try resolved.recipe().model as? AdaptedModel)
    #expect(resolved.model.adapter.base == "\(model.frozen.digest)")
    #expect(model.adapter.form.rank == 4 && model.adapter.form.alpha == 6)
    #expect(model.adapter.form.targets == ["qkv", "attention_out", "mlp_in", "mlp_out"])
    #expect(model.contract.parameters.entries.count == 2 * 4 * resolved.model.depth)
    let whole = try RunConfiguration(named: "density").recipe()
    let base = try Checkpoint.parameters(in: resolved.shippedBase(), of: whole.model)
    #expect(model.frozen.buffer.scalars == base.scalars)
    #expect(try resolved.resolved() == resolved)
    #expect(try resolved.recipe().modelHash != whole.modelHash)
    #expect(try settings().resolved().recipe().modelHash != resolved.recipe().modelHash)
  }

  @Test func `α is the rank unless it is given, and targets may be a list`() throws {
    var configuration = RunConfiguration()
    #expect(configuration.model.adapter.form == nil)
    try configuration.merge(
      yaml: "model: {lora: {rank: 8, targets: [qkv, time.0]}}", file: "run.yaml")
    #expect(
      configuration.model.adapter.form
        == LowRankAdapter.Form(rank: 8, alpha: 8, targets: ["qkv", "time.0"]))
  }

  @Test func `the base is what model.init says`() throws {
    let random = try settings(["model.init": "random", "seed": "5"]).resolved()
    let network = try #require(try random.recipe().model as? AdaptedModel)
    #expect(
      network.frozen.buffer.scalars == network.base.initialParameters(seed: 5).scalars)
    let folder = try ScratchFolder()
    try network.base.contract.write(network.frozen.buffer, to: folder.file("base.safetensors"))
    let ofFile = try settings(["model.init": folder.file("base.safetensors")]).resolved()
    #expect(ofFile.model.adapter.base == random.model.adapter.base)
    var other = ofFile
    try other.set("model.init", to: "base", place: "test")
    #expect(sentence { try other.resolved() }.contains("other weights than those"))
    try other.set("model.lora.base", to: "", place: "test")
    #expect(try other.resolved().model.adapter.base != random.model.adapter.base)
  }

  @Test(arguments: [
    (["model.lora.targets": "qkv,kv"], "model.lora.targets has kv, which no layer is called"),
    (["model.lora.targets": "qkv,"], "model.lora.targets has an empty name"),
    (["model.lora.targets": "words"], "which no layer is called"),
    (["model.width": "96"], "the base of the task density is a network with"),
    (["model.program": "python3 x.py"], "model.program"),
    (["model.lora.rank": "0", "model.lora.init": "x"], "model.lora.init belongs to an adapter"),
    (["model.lora.rank": "0", "model.lora.base": "0a"], "model.lora.base belongs to an adapter"),
    (["model.lora.base": "0a"], "model.init gives other weights"),
    (["model.init": "/no/such/file.safetensors"], "there is no /no/such/file.safetensors"),
  ])
  func `what cannot be an adapter is refused`(settings: [String: String], words: String) throws {
    let found = sentence { try self.settings(settings).resolved().recipe() }
    #expect(found.contains(words), "\(found)")
  }

  @Test func `a configuration that is not resolved has no base, and is no recipe`() throws {
    #expect(sentence { try settings().recipe() }.contains("is not known"))
  }

  // MARK: An actor

  @Test func `an actor has the shipped base, and asks for any other by its digest`() throws {
    let learner = try settings().resolved()
    var actor = RunConfiguration()
    try actor.merge(yaml: learner.yaml, file: "the learner's")
    #expect(try actor.takeBase([:]) == nil)
    #expect(try actor.recipe().modelHash == learner.recipe().modelHash)

    let random = try settings(["model.init": "random"]).resolved()
    let terms = random.terms(runID: "run", recipe: try random.recipe())
    actor = RunConfiguration()
    try actor.merge(yaml: random.yaml, file: "the learner's")
    let missing = try #require(try actor.takeBase([:]))
    let bytes = try #require(terms.lists[missing.digest])
    #expect(bytes.count == missing.bytes)
    #expect(try actor.takeBase([missing.digest: bytes]) == nil)
    #expect(try actor.recipe().modelHash == random.recipe().modelHash)
    #expect(
      sentence { try actor.takeBase([missing.digest: bytes.dropLast(4)]) }.contains(
        "not of this network"))
    let nan = [UInt8](repeating: 0xff, count: bytes.count)
    #expect(sentence { try actor.takeBase([missing.digest: nan]) }.contains("not of this network"))
    try actor.set("model.lora.base", to: "", place: "test")
    #expect(sentence { try actor.takeBase([:]) }.contains("model.lora.base"))
  }

  @Test func `a run folder keeps the base, and notices another`() throws {
    let scratch = try ScratchFolder()
    let folder = RunFolder(scratch.file("run"))
    let random = try settings(["model.init": "random"]).resolved()
    try folder.create()
    try random.keepBase(in: folder)
    var read = RunConfiguration()
    try read.merge(yaml: random.yaml, file: "config.yaml")
    try read.readBase(in: folder)
    #expect(try read.recipe().modelHash == random.recipe().modelHash)
    try read.set("model.lora.base", to: String(repeating: "0a", count: 32), place: "test")
    #expect(sentence { try read.readBase(in: folder) }.contains("restore it from a copy"))
    try FileManager.default.removeItem(atPath: folder.base)
    #expect(sentence { try read.readBase(in: folder) }.contains("there is no"))
  }
}
