import Configuration
import Flow
import Foundation
import Learning
import Ledger
import Network
import Objective
import Records
import Rewards
import Tasks
import Testing
import TestSupport
import TinyRecipe

enum Settings {
  /// A value for every key that is allowed and not its default.
  static let other = [
    "task.train_prompts": "north\nsouth\n", "task.eval_prompts": "east\n",
    "reward.train":
      "[{name: strict, weight: 0.5}, {name: red, program: \"/x y/red.py\", side: 32, retries: 0}]",
    "reward.mix": "gdpo", "reward.patience": "7", "reward.max_pause": "600",
    "sample.dynamics": "dance-sde", "sample.guidance": "1.5", "loss.kl.target": "0.25",
    "optim.spike_factor": "6.0", "optim.epsilon": "1e-10", "optim.warm_up": "20",
    "sample.sigmas": "1,0.95,0.9,0.85,0.8,0.75,0.7,0.6,0.5,0.4,0.3,0.1,0",
    "model.program": "python3 /x y/model.py --rank 8", "model.folder": "/x y",
    "model.contract": "{\"protocol\":1,\"latent\":[5, 10]}", "model.timeout": "7.5",
    "model.retries": "5", "model.processes": "3", "model.env": "A=1",
    "model.tolerance": "0.01",
    "model.lora.rank": "4", "model.lora.alpha": "2.5", "model.lora.targets": "qkv,latent_out",
    "model.lora.init": "/x y/adapter", "model.lora.base": "0a0b",
    "loss.guidance": "1.5", "loss.kl.guidance": "2.5", "eval.guidance": "3.5",
    "task.name": "density", "model.width": "48", "model.depth": "2", "model.heads": "3",
    "model.init": "random", "sample.grid": "sd3", "sample.steps": "12", "sample.shift": "2.5",
    "sample.noise_level": "0.9", "group.prompts": "5", "group.seeds": "3", "group.branches": "6",
    "group.branch_steps": "1..5", "advantage.over": "prompt", "advantage.std": "batch",
    "advantage.floor": "0.001", "advantage.clip": "4.0", "loss.log_density": "mean",
    "loss.clip": "0.1", "loss.weight": "uniform", "loss.kl.kind": "with-dt",
    "loss.kl.beta": "0.03", "optim.learning_rate": "1e-05", "optim.beta1": "0.8",
    "optim.beta2": "0.95", "optim.weight_decay": "0.01", "optim.minibatches": "3",
    "optim.chunk_units": "4", "optim.max_grad_norm": "2.0", "optim.ema.max": "0.9",
    "optim.ema.interval": "4", "optim.ema.warm_up": "false", "schedule.lag": "2",
    "schedule.audit": "0.25", "publish.values": "bfloat16", "publish.packed": "true",
    "eval.every": "7", "eval.ode_steps": "8", "eval.noises": "2", "save.every": "5",
    "save.keep_last": "3", "save.keep_every": "20",
    "sample.continuation": "strides", "sample.strides": "1,2", "sample.tail_ratio": "0.5",
    "sample.solver_order": "3", "sample.solver_noise": "0.3", "group.from": "branches",
    "group.trunks": "2", "group.shared_noise": "true", "group.split_steps": "1,3",
    "group.split_strength": "4.0", "group.trained_share": "0.5", "window.kind": "random",
    "window.of": "training", "group.prune": "extremes",
    "window.width": "3", "window.stay": "7", "window.stride": "2", "advantage.kind": "best",
    "advantage.unbiased": "true", "advantage.trimmed": "0.1",
    "advantage.fusion": "path-probability", "advantage.discount": "0.5", "advantage.pull": "0.2",
    "advantage.pull_steps": "3", "loss.kind": "guarded", "loss.beta": "0.5", "loss.times": "3",
    "loss.weighting": "huber", "loss.ratio_of": "mean", "loss.shares": "binary",
    "loss.temperature": "0.7", "loss.fit": "bce", "loss.kl.average_beta": "0.4",
    "optim.minibatch_by": "steps", "schedule.sampling_lag": "slow",
    "schedule.kind": "freshest", "schedule.importance_cap": "3.0", "eval.best_of": "3",
    "eval.best": "soft", "eval.rewards": "false", "eval.by": "actors",
    "journal.keep": "50", "journal.file_mb": "16",
    "journal.outcomes": "digest", "launch.env": "CUDA_VISIBLE_DEVICES={index}",
    "updates": "99", "seed": "18446744073709551615",
  ]

  /// Those of a model that is a program, and of an adapter; ModelSettingTests and AdapterSettingTests have
  /// what comes of them.
  private static let ofOtherModels: Set = [
    "model.program", "model.folder", "model.contract", "model.lora.rank", "model.lora.alpha",
    "model.lora.targets", "model.lora.init", "model.lora.base",
  ]
  /// What the loss among them cannot go with; a test of its own has it.
  private static let ofOtherLosses: Set = ["publish.values"]
  /// The same without them, and so of the built-in network.
  static let builtIn = other.filter {
    !ofOtherModels.contains($0.key) && !ofOtherLosses.contains($0.key)
  }

  static func changed() throws -> RunConfiguration {
    var configuration = RunConfiguration()
    for (path, value) in builtIn { try configuration.set(path, to: value, place: "test") }
    return configuration
  }

  static func merged(_ yaml: String) throws(ConfigurationError) -> RunConfiguration {
    var configuration = RunConfiguration()
    try configuration.merge(yaml: yaml, file: "run.yaml")
    return configuration
  }

  static func refusal(_ yaml: String) -> ConfigurationError? {
    do throws(ConfigurationError) {
      _ = try merged(yaml)
      return nil
    } catch {
      return error
    }
  }
}

struct ConfigurationFileTests {
  @Test func `a list may be written as one, in either style, or with commas`() throws {
    let times = ["[1, 0.5, 0]", "\"1,0.5,0\"", "\n    - 1\n    - 0.5\n    - 0"]
    let read = try times.map { try Settings.merged("sample:\n  sigmas: \($0)\n") }
    #expect(read.allSatisfy { $0 == read[0] } && read[0].sample.sigmas == "1,0.5,0")
    #expect(
      Settings.refusal("sample: {sigmas: [1, [0.5], 0]}")?.description.contains("a list") == true)
    #expect(Settings.refusal("model: {init: [a, b]}")?.description.contains("a list") == true)
  }

  @Test func `a file may start from a preset`() throws {
    let own = try Settings.merged("loss: {kl: {beta: 0.25}}\npreset: flow-grpo\n")
    var expected = try RunConfiguration(named: "flow-grpo")
    expected.loss.divergence.beta = 0.25
    #expect(own == expected)
    let refusal = try #require(Settings.refusal("\npreset: flow-gpo\n"))
    #expect("\(refusal)".contains("preset is flow-gpo (run.yaml:2); allowed is shapes"))
    #expect(Settings.refusal("preset: [shapes]\n") != nil)
    #expect(Settings.refusal("loss: {preset: shapes}\n") != nil)
  }

  @Test func `a section takes no value, and its keys are named`() throws {
    let refusal = try #require(Settings.refusal("model: 3"))
    #expect("\(refusal)".contains("model (run.yaml:1) is a section and takes no value"))
    #expect("\(refusal)".contains("model.width, model.depth"))
  }

  @Test(arguments: [
    "loss.kl.beta: 1\nloss: {kl: {beta: 2}}\n", "loss:\n  kl.beta: 1\n  kl: {beta: 1}\n",
    "reward: {train: judge}\nreward.train: strict\n", "seed: 1\nseed: 1\n",
  ])
  func `a key is given once, in whatever spelling`(yaml: String) throws {
    let refusal = try #require(Settings.refusal(yaml))
    let sentence = "\(refusal)"
    #expect(sentence.contains("is given twice (run.yaml:") || sentence.contains("unique"))
  }

  @Test func `every key is tested here`() {
    let paths = RunConfiguration.keys.map(\.path)
    #expect(Set(paths).count == paths.count)
    #expect(Set(paths) == Set(Settings.other.keys))
    #expect(RunConfiguration.keys.allSatisfy { $0.meaning.hasSuffix(".") })
  }

  @Test func `every key goes to a file and back`() throws {
    let changed = try Settings.changed()
    #expect(try Settings.merged(changed.yaml) == changed)
    #expect(try Settings.merged(RunConfiguration().yaml) == RunConfiguration())
    for (path, value) in Settings.other {
      var one = RunConfiguration()
      try one.set(path, to: value, place: "test")
      #expect(one != RunConfiguration(), "\(path)")
      #expect(one.yaml != RunConfiguration().yaml, "\(path)")
      #expect(try Settings.merged(one.yaml) == one, "\(path)")
    }
  }

  @Test(arguments: [
    "/runs/a b/base #3.safetensors", "a: b", "it's \"so\"", "- x", "*x", "&x", "!x", "%x", "@x",
    "[x]", "{x}", "x\ny", "x\ty", "back\\slash", " x ", "", "~", "null", "é π", "#x", "|", ">",
    "\u{1}",
  ])
  func `a text setting survives the file whatever is in it`(text: String) throws {
    var configuration = RunConfiguration()
    try configuration.set("model.init", to: text, place: "test")
    #expect(try Settings.merged(configuration.yaml) == configuration)
  }

  @Test func `a file changes what it names and nothing else`() throws {
    let merged = try Settings.merged("loss:\n  kl: {beta: 0.25}\nupdates: 3 # few\n")
    var expected = RunConfiguration()
    expected.loss.divergence.beta = 0.25
    expected.updates = 3
    #expect(merged == expected)
    #expect(try Settings.merged("loss.kl.beta: 0.25\nupdates: 3") == expected)
  }

  @Test(arguments: [
    ("a: 1", "a", 1, ""), ("model:\n  widht: 3", "model.widht", 2, "model.width"),
    ("seed: 1\n\nloss:\n  kl:\n    bta: 1\n", "loss.kl.bta", 5, "loss.kl.beta"),
    ("actorz: {count: 3}", "actorz", 1, ""), ("model:\n  width: {x: 1}", "model.width", 2, ""),
    ("group.from.x: 3", "group.from.x", 1, ""),
  ])
  func `an unknown key is named with its place and the nearest one`(
    yaml: String, path: String, line: Int, nearest: String
  ) {
    guard case .unknownKey(let found, let near, let place) = Settings.refusal(yaml) else {
      Issue.record("\(yaml) is taken")
      return
    }
    #expect(found == path)
    #expect(place == "run.yaml:\(line)")
    for name in near.components(separatedBy: " or ") {
      #expect(RunConfiguration.keys.contains { $0.path == name })
    }
    #expect(nearest.isEmpty || near == nearest)
  }

  @Test(arguments: [
    ("model.width", "wide"), ("model.width", "15"), ("model.width", "4097"),
    ("model.width", "64.0"),
    ("model.width", ""), ("model.width", "99999999999999999999"), ("seed", "-1"),
    ("seed", "18446744073709551616"), ("loss.clip", "-0.1"), ("loss.clip", "nan"),
    ("loss.clip", "inf"), ("loss.clip", "0,2"), ("optim.learning_rate", "1e999"),
    ("optim.ema.max", "1"), ("optim.ema.warm_up", "yes"), ("advantage.over", "unit"),
    ("advantage.over", "Seed"), ("task.name", "Shapes"), ("sample.dynamics", "euler"),
    ("eval.noises", "0"), ("schedule.lag", "-1"),
  ])
  func `a wrong value is named with what is allowed`(path: String, value: String) {
    var configuration = RunConfiguration()
    do throws(ConfigurationError) {
      try configuration.set(path, to: value, place: "--set")
      Issue.record("\(path)=\(value) is taken")
    } catch {
      guard case .invalidValue(path, value: value, let allowed, place: "--set") = error else {
        Issue.record("\(error)")
        return
      }
      #expect(!allowed.isEmpty)
    }
    #expect(configuration == RunConfiguration(), "a refused value changes nothing")
  }

  @Test func `a wrong value in a file is named with its line`() {
    let error = Settings.refusal("model:\n  depth: 2\n  width: wide\n")
    guard case .invalidValue("model.width", value: "wide", _, place: "run.yaml:3") = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `settings of the command line come last and are checked alike`() throws {
    var configuration = try Settings.merged("seed: 4")
    try configuration.set("seed", to: "5", place: "--set")
    #expect(configuration.seed == 5)
    #expect(throws: ConfigurationError.self) {
      try configuration.set("sed", to: "5", place: "--set")
    }
  }

  @Test(arguments: ["", "\n\n", "# only a comment\n", "---\n", "{}", "loss:\n  # clip: 0.1\n"])
  func `a file without settings changes nothing`(yaml: String) throws {
    #expect(try Settings.merged(yaml) == RunConfiguration())
  }

  @Test(arguments: [
    "- 1", "[1, 2]", "hello", "model: [64]", "model:\n - width: 64", "model: {width: [64]}",
    "seed: 1\nseed: 2", "model: {width: 32}\nmodel: {depth: 2}", "model: {width: 32, width: 48}",
    "seed: *nowhere", "a: &a {b: *a}", "{", "}", "model: {width: 64", "\"", "seed: 'x",
    "\tseed: 1", "? [a, b]\n: 3", "seed: 1\n---\nseed: 2", "%YAML 9.9\n---\nseed: 1",
    "\u{0}\u{1}\u{2}", "seed: \u{7}", "x: &x [*x, *x]", "seed:", "seed: ~", "<<: {seed: 3}",
    "model: !!binary aGk=",
  ])
  func `a file that is no configuration is refused`(yaml: String) {
    #expect(Settings.refusal(yaml) != nil)
  }

  @Test func `anchors of single values are YAML's own and work`() throws {
    let merged = try Settings.merged("optim: {beta1: &b 0.5, beta2: *b}")
    #expect(merged.optimizer.beta1 == 0.5 && merged.optimizer.beta2 == 0.5)
  }

  @Test func `deep nesting and many aliases are refused, not followed`() {
    for open in ["{a: ", "[", "- ", "? ", "{model: "] {
      #expect(Settings.refusal(String(repeating: open, count: 20_000)) != nil, "\(open)")
    }
    let closed =
      String(repeating: "{model: ", count: 900) + "1" + String(repeating: "}", count: 900)
    #expect(Settings.refusal(closed) != nil)
    var laughs = "a0: &a0 {x: 1}\n"
    for level in 1...40 {
      laughs += "a\(level): &a\(level) {x: *a\(level - 1), y: *a\(level - 1)}\n"
    }
    #expect(Settings.refusal(laughs) != nil)
    // The same where the keys are known, so that every alias is looked at.
    #expect(Settings.refusal("loss: &l {kl: {beta: 1}}\nmodel: *l\n") != nil)
  }

  @Test func `random bytes never crash`() {
    var random = SplitMix64(seed: 5)
    let alphabet = Array("seed: 1\nmodl{}[]-?&*!|>'\"%@`#,\t0.~<".utf8)
    for _ in 0..<2_000 {
      let length = Int.random(in: 0..<60, using: &random)
      let isText = Bool.random(using: &random)
      let bytes = (0..<length).map { _ in
        isText ? alphabet.randomElement(using: &random)! : UInt8.random(in: 0...255, using: &random)
      }
      _ = Settings.refusal(String(decoding: bytes, as: UTF8.self))
    }
  }
}

struct RecipeTests {
  /// Trunks alone, in groups of four.
  static let matching = [
    "group.branch_steps": "none", "loss.kind": "awm", "group.trunks": "4", "group.seeds": "2",
  ]

  static let impossible: [[String: String]] = [
    ["model.width": "72"], ["model.heads": "3"], ["optim.minibatches": "5"],
    ["optim.minibatches": "48"], ["group.branches": "1"],
    ["group.branches": "1", "group.seeds": "1", "advantage.over": "prompt"],
    ["group.branch_steps": "0..10"], ["group.branch_steps": "5..4"],
    ["group.branch_steps": "-1..4"], ["group.branch_steps": "0...7"],
    ["group.branch_steps": "all"], ["group.branch_steps": ""], ["group.branch_steps": "0..7..9"],
    ["group.branch_steps": "0..9223372036854775807"], ["sample.steps": "7"],
    ["sample.dynamics": "ode"], ["sample.noise_level": "0"],
    ["sample.dynamics": "cps", "sample.noise_level": "1.1"], ["loss.log_density": "mean"],
    ["loss.clip": "5.1"], ["group.branch_steps": "none"], ["loss.kind": "awm"],
    ["group.from": "branches"], ["sample.continuation": "projection"],
    ["sample.continuation": "adams"], ["sample.continuation": "strides", "sample.strides": "0"],
    ["sample.continuation": "strides", "sample.strides": "1,,x"],
    ["sample.continuation": "multistep", "sample.grid": "sd3"], ["sample.sigmas": "1,0.5,0"],
    ["sample.sigmas": "", "sample.steps": "4"],
    ["sample.sigmas": "1,0.9,0.9,0.4,0", "sample.steps": "4"],
    ["sample.sigmas": "1,0.9,x,0.4,0", "sample.steps": "4"],
    ["sample.sigmas": "1,0.9,,0.7,0.4,0", "sample.steps": "4"],
    ["sample.sigmas": "1.1,0.9,0.7,0.4,0", "sample.steps": "4"],
    ["sample.sigmas": "1,0.9,0.7,0.4,0.1", "sample.steps": "4"],
    ["group.split_steps": "8"], ["group.split_steps": ""],
    [
      "window.kind": "random", "window.of": "training", "group.prune": "extremes",
      "window.width": "9",
    ],
    ["advantage.kind": "tree"], ["advantage.kind": "stepwise"],
    ["optim.minibatch_by": "steps", "optim.minibatches": "12"],
    matching.merging(["loss.times": "10"]) { $1 }, matching.merging(["group.trunks": "1"]) { $1 },
    matching.merging(["loss.kl.kind": "with-dt"]) { $1 },
    matching.merging(["loss.kind": "dpo", "optim.minibatches": "8"]) { $1 },
    matching.merging(["window.kind": "frozen"]) { $1 },
    matching.merging(["sample.continuation": "strides"]) { $1 },
    ["journal.keep": "100", "save.keep_last": "1"],
    matching.merging(["journal.outcomes": "digest"]) { $1 },
  ]

  static let possible: [[String: String]] = [
    ["model.width": "128"], ["optim.minibatches": "24"],
    ["sample.sigmas": "0.98, 0.9, 0.5, 0.4, 0", "sample.steps": "4", "group.branch_steps": "0..2"],
    ["journal.outcomes": "digest"],
    ["journal.keep": "100", "save.keep_last": "2"], ["save.keep_last": "1"],
    ["group.branches": "1", "advantage.over": "prompt"], ["group.branch_steps": "9..9"],
    ["sample.steps": "8"], ["sample.grid": "sd3", "sample.shift": "100", "sample.steps": "1000"],
    ["sample.grid": "sd3", "sample.shift": "0.01", "sample.steps": "1000"],
    ["sample.grid": "linear", "sample.shift": "100", "sample.steps": "1000"],
    ["sample.grid": "linear", "sample.shift": "0.01", "sample.steps": "1000"],
    matching, matching.merging(["sample.continuation": "adams"]) { $1 },
    matching.merging(["loss.kind": "dpo", "optim.minibatches": "6"]) { $1 },
    ["group.from": "branches", "group.branches": "1", "group.trunks": "4"],
    ["optim.minibatch_by": "steps", "optim.minibatches": "8"],
    ["group.from": "branches", "group.branches": "2", "group.split_steps": "0,7"],
  ]

  static func refusal(of settings: [String: String]) throws -> String? {
    var configuration = RunConfiguration()
    for (path, value) in settings { try configuration.set(path, to: value, place: "test") }
    do throws(ConfigurationError) {
      _ = try configuration.recipe()
      return nil
    } catch {
      guard case .impossible(let reason) = error else {
        Issue.record("\(error)")
        return nil
      }
      return reason
    }
  }

  @Test(arguments: RunConfiguration.presets)
  func `a preset gives a recipe and says which task it is for`(name: String) throws {
    let configuration = try RunConfiguration(named: name)
    let recipe = try configuration.recipe()
    #expect(recipe.task.name == configuration.task.rawValue)
    #expect(recipe.unitsPerUpdate == configuration.group.prompts * configuration.group.seeds)
  }

  @Test func `the presets are there, the default first`() throws {
    #expect(RunConfiguration.presets[0] == "shapes")
    #expect(Set(RunConfiguration.presets) == Set(Self.presets))
    #expect(try RunConfiguration(named: "shapes") == RunConfiguration())
  }

  /// The family, the two tasks and the long run.
  static let presets = [
    "shapes", "shapes-long", "density", "flow-grpo", "flow-grpo-fast", "flow-cps", "tempflow-grpo",
    "dance-grpo", "mix-grpo", "mix-grpo-flash", "g2rpo", "branch-grpo", "grpo-guard", "vgpo", "awm",
    "nft", "dgpo", "dpo", "crd", "fpo", "best-of-n", "sft-on-best",
  ]

  @Test func `a file is taken by its path, and what is neither is refused`() throws {
    let folder = try ScratchFolder()
    try folder.write(Data("seed: 77".utf8), to: "mine.yaml")
    #expect(try RunConfiguration(named: folder.file("mine.yaml")).seed == 77)
    try folder.write(Data([0xff, 0x00, 0x80, 0xfe]), to: "binary")
    for name in ["binary", "missing.yaml", "."] {
      #expect(throws: ConfigurationError.self) { try RunConfiguration(named: folder.file(name)) }
    }
    #expect(throws: ConfigurationError.self) { try RunConfiguration(named: "") }
  }

  @Test func `every setting reaches the recipe`() throws {
    let recipe = try Settings.changed().recipe()
    #expect(recipe.runSeed == .max && recipe.task.name == "density")
    #expect(recipe.network.shape.width == 48 && recipe.network.shape.depth == 2)
    #expect(recipe.network.shape.heads == 3)
    let algorithm = recipe.algorithm
    let times: [Float] = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5, 0.4, 0.3, 0.1, 0]
    #expect(algorithm.grid == SigmaGrid(sigmas: times))
    var unlisted = try Settings.changed()
    try unlisted.set("sample.sigmas", to: "auto", place: "test")
    #expect(try unlisted.recipe().algorithm.grid == .sd3(steps: 12, shift: 2.5))
    #expect(
      algorithm.plan
        == BranchingPlan(
          trunks: 2, branches: [0, 6, 1, 6, 1, 1, 0, 0, 0, 0, 0, 0], origin: .branches,
          continuation: .strides([1, 2])))
    #expect(algorithm.window == .random(width: 3, range: 1..<6))
    #expect(algorithm.splitNoise == .correlated(strength: 4) && algorithm.sharesInitialNoise)
    #expect(algorithm.windowOf == .training && algorithm.pruning == .extremes)
    #expect(algorithm.trainedShare == 0.5 && algorithm.averageCoefficient == 0.4)
    #expect(algorithm.lagged == .slow && recipe.minibatchesBy == .steps)
    var credit = CreditAssignment(
      group: .prompt, deviation: .batch, floor: 0.001, clip: 4,
      mix: RewardMix(.gdpo, weights: [0.5, 1]))
    credit.kind = .best
    credit.isUnbiased = true
    credit.trimmed = 0.1
    #expect(algorithm.credit == credit)
    #expect(recipe.task.trainPrompts.map(\.text) == ["north", "south"])
    #expect(recipe.task.heldOutPrompts.map(\.text) == ["east"])
    #expect(recipe.rewards.map(\.name) == ["strict", "red"])
    #expect(recipe.rewards[1].place == .program("/x y/red.py"))
    #expect(recipe.rewards[1].input == .picture(side: 32) && recipe.rewards[1].retries == 0)
    #expect(!recipe.isDeterministic && recipe.underJudge.isDeterministic)
    #expect(algorithm.reduction == .mean && algorithm.stepWeight == .uniform)
    #expect((algorithm.loss as? GuardedRatio)?.surrogate.clip == 0.1)
    #expect(algorithm.regulariser == Regulariser(kind: .withStep, coefficient: 0.03))
    #expect(
      recipe.prompts == 5 && recipe.seeds == 3 && recipe.importanceCap == 3
        && recipe.schedule == Schedule(.freshest, lag: 2))
    #expect(recipe.optimizer.learningRate == 1e-5)
    #expect(recipe.optimizer.beta1 == 0.8 && recipe.optimizer.beta2 == 0.95)
    #expect(recipe.optimizer.epsilon == 1e-10 && recipe.optimizer.warmUp == 20)
    #expect(recipe.optimizer.weightDecay == 0.01 && recipe.optimizer.maximumGradientNorm == 2)
    #expect(recipe.minibatches == 3 && recipe.chunkUnits == 4)
    #expect(recipe.ema.maximum == 0.9 && recipe.ema.interval == 4 && !recipe.ema.warmsUp)
    #expect(recipe.outcomeRecord == .digest)
    #expect(recipe.publication == Publication(isPacked: true))
    let evaluation = EvaluationOptions(
      interval: 7, odeSteps: 8, noises: 2, bestOf: 3, best: "soft", asksRewards: false,
      place: .actors)
    #expect(recipe.evaluation == evaluation)
    var guidance = GuidanceUses(Guidance(scale: 1.5))
    (guidance.reference, guidance.evaluation) = (Guidance(scale: 2.5), Guidance(scale: 3.5))
    #expect(algorithm.guidance == guidance)
  }

  @Test(arguments: impossible)
  func `what cannot be run is refused with a reason`(settings: [String: String]) throws {
    let reason = try Self.refusal(of: settings)
    #expect(reason?.isEmpty == false)
  }

  @Test(arguments: possible)
  func `what is close to it can be run`(settings: [String: String]) throws {
    #expect(try Self.refusal(of: settings) == nil)
  }

  @Test func `checksums of outcomes are for losses that read none`() throws {
    #expect(
      try Self.refusal(of: Self.matching.merging(["journal.outcomes": "digest"]) { $1 })
        == "journal.outcomes digest keeps no final latents, and loss.kind awm is trained"
        + " on them; use journal.outcomes all")
    for name in RunConfiguration.presets {
      var configuration = try RunConfiguration(named: name)
      let readsOutcomes = try configuration.recipe().algorithm.loss.rows != .points
      try configuration.set("journal.outcomes", to: "digest", place: "test")
      if readsOutcomes {
        #expect(throws: ConfigurationError.self) { try configuration.recipe() }
      } else {
        #expect(try configuration.recipe().outcomeRecord == .digest, "\(name)")
      }
    }
  }

  @Test func `rounded parameters are for losses that compare with what actors recorded`() throws {
    for name in RunConfiguration.presets {
      var configuration = try RunConfiguration(named: name)
      let readsOld = try configuration.recipe().algorithm.readsOld
      try configuration.set("publish.values", to: "bfloat16", place: "test")
      if readsOld {
        #expect(throws: ConfigurationError.self) { try configuration.recipe() }
      } else {
        #expect(try configuration.recipe().publication.values == .bfloat16, "\(name)")
      }
    }
  }

  @Test func `what a run needs on the disk follows what it keeps of outcomes`() throws {
    var configuration = RunConfiguration()
    let all = try configuration.recipe()
    try configuration.set("journal.outcomes", to: "digest", place: "test")
    let digest = try configuration.recipe()
    // 12 prompts × 2 seeds × 8 branches at 8 steps; a latent is 5 × 10 numbers, a checksum is one.
    #expect(all.payloadBytes - digest.payloadBytes == 64 * 4 * (50 - 1))
    #expect(DiskNeed(of: all).update - DiskNeed(of: digest).update == 24 * 64 * 4 * 49)
    #expect(DiskNeed(of: all).checkpoint == DiskNeed(of: digest).checkpoint)
  }

  /// A manifest names so many chunks, and each is one payload.
  @Test(arguments: [("14", true), ("32", false)])
  func `a model that actors cannot be sent is refused`(depth: String, isPossible: Bool) throws {
    let reason = try Self.refusal(of: [
      "model.width": "1024", "model.heads": "16", "model.depth": depth, "model.init": "random",
    ])
    #expect((reason == nil) == isPossible, "\(reason ?? "it is possible")")
    if let reason { #expect(reason.contains("model.depth"), "\(reason)") }
  }

  /// An actor refuses a configuration with a key that it does not know.
  @Test func `a key that the first release did not have is marked as later`() throws {
    let file = "\(repositoryRoot())/Tests/Fixtures/run-1/config.yaml"
    var sections: [Substring] = []
    var first: Set<String> = []
    for line in try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n") {
      let depth = line.prefix { $0 == " " }.count / 2
      let name = line.drop { $0 == " " }.prefix { $0 != ":" }
      sections = sections.prefix(depth) + [name]
      first.insert(sections.joined(separator: "."))
    }
    for key in RunConfiguration.keys {
      #expect(first.contains(key.path) != key.isLater, "\(key.path)")
    }
    let told = RunConfiguration().terms(runID: "run", recipe: try RunConfiguration().recipe())
    #expect(!told.configuration.contains("max_pause") && told.configuration.contains("patience"))
  }

  @Test func `what decides numbers is compared, the rest is not`() throws {
    let base = RunConfiguration()
    func hash(_ configuration: RunConfiguration) throws -> Digest {
      configuration.terms(runID: "run", recipe: try RunConfiguration().recipe()).configurationHash
    }
    let free: Set = [
      "task.eval_prompts", "reward.patience", "reward.max_pause", "eval.every", "eval.ode_steps",
      "eval.noises",
      "eval.best_of", "eval.best", "eval.rewards", "eval.by", "journal.keep", "journal.file_mb",
      "launch.env", "model.env",
      "schedule.audit", "publish.packed", "save.every",
      "save.keep_last", "save.keep_every",
      "updates", "model.program", "model.folder", "model.timeout", "model.retries",
      "model.processes", "model.tolerance", "eval.guidance",
    ]
    for (path, value) in Settings.other {
      var changed = base
      try changed.set(path, to: value, place: "test")
      let differences = changed.numericalDifferences(from: base)
      if free.contains(path) {
        #expect(differences.isEmpty, "\(path)")
        #expect(try hash(changed) == hash(base), "\(path)")
      } else {
        // What a program says of itself is nothing that people compare.
        let words = path == "model.contract" ? "model.program (another model)" : path
        #expect(differences.count == 1 && differences[0].hasPrefix(words), "\(path)")
        #expect(try hash(changed) != hash(base), "\(path)")
      }
    }
    var changed = base
    changed.loss.divergence.beta = 0.2
    #expect(changed.numericalDifferences(from: base) == ["loss.kl.beta (0.1 → 0.2)"])
  }
}
