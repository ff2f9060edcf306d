import Configuration
import Flow
import Foundation
import Learning
import Ledger
import Network
import Objective
import Records
import Tasks
import Testing
import TestSupport
import TinyRecipe

/// What files and settings come to, and the sentences of those that are refused, against the texts in
/// `Tests/Fixtures/configurations`: a change of the code that reads them shows there line by line.
///
/// With `TRIBUTARY_CONFIGURATIONS` set, the texts are written anew.
struct RecordedConfigurationTests {
  @Test(arguments: ["keys", "presets", "changes", "refusals"])
  func `the configuration is what was recorded`(part: String) throws {
    let text =
      switch part {
      case "keys": try Recorded.keys()
      case "presets": try Recorded.presets()
      case "changes": try Recorded.changes()
      default: try Recorded.refusals()
      }
    let path = "\(repositoryRoot())/Tests/Fixtures/configurations/\(part).txt"
    if ProcessInfo.processInfo.environment["TRIBUTARY_CONFIGURATIONS"] != nil {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let recorded = try String(contentsOfFile: path, encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == recorded.count)
    for (number, (line, before)) in zip(lines, recorded).enumerated() where line != before {
      Issue.record(
        """
        \(part).txt:\(number + 1) was
          \(before)
        and is
          \(line)
        If that is meant, write the texts anew and read the difference:
        TRIBUTARY_CONFIGURATIONS=1 scripts/test --filter RecordedConfigurationTests
        """)
      break
    }
  }
}

enum Recorded {
  /// Every key as editors and pages are told of it.
  static func keys() throws -> String {
    var lines = zip(RunConfiguration.keys, RunConfiguration().settings).flatMap { key, setting in
      [
        "\(key.path) = \(setting.value)\(key.isLater ? " later" : "")"
          + (key.decidesNumbers ? "" : " decides no numbers"),
        "  \(key.kind.allowed)", "  \(key.meaning)",
      ]
    }
    lines.append("schema \(try digest(RunConfiguration.schema()))")
    return lines.joined(separator: "\n") + "\n"
  }

  /// The defaults in full, and of the presets and of an older run what differs from them.
  static func presets() throws -> String {
    let standard = RunConfiguration()
    var lines = ["# defaults"] + standard.yaml.split(separator: "\n").map(String.init)
    lines += parts(of: try Self.standard.get()) + [try hashes(of: standard)]
    for name in RunConfiguration.presets {
      lines += ["", "# \(name): \(RunConfiguration.summary(ofPreset: name))"]
      lines += try description(of: try RunConfiguration(named: name))
    }
    lines += ["", "# a run of release 0.1.0"]
    let older = "\(repositoryRoot())/Tests/Fixtures/run-1/config.yaml"
    lines += try description(of: try RunConfiguration(named: older))
    return lines.joined(separator: "\n") + "\n"
  }

  /// Every key with another value, every choice, and some that belong together.
  static func changes() throws -> String {
    var cases = together + [("shapes", Settings.builtIn)]
    for (path, value) in Settings.builtIn { cases.append(("shapes", [path: value])) }
    for key in RunConfiguration.keys {
      guard case .choice(let choices) = key.kind else { continue }
      for choice in choices { cases.append(("shapes", [key.path: choice])) }
    }
    for settings in RecipeTests.possible { cases.append(("shapes", settings)) }
    var paragraphs: Set<String> = []
    for (preset, settings) in cases {
      let changes = settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      let heading = "# \(preset) " + changes.joined(separator: " ").replacing("\n", with: "⏎")
      let lines = try [heading] + description(of: changed(preset, settings))
      paragraphs.insert(lines.joined(separator: "\n"))
    }
    return paragraphs.sorted().joined(separator: "\n\n") + "\n"
  }

  /// What is not taken, and its sentence.
  static func refusals() throws -> String {
    var lines: [String] = []
    for key in RunConfiguration.keys {
      for value in ["x", "-1", "1e30"] {
        lines.append(sentence { try changed("shapes", [key.path: value]) })
      }
    }
    let sections = Set(RunConfiguration.keys.compactMap { $0.path.split(separator: ".").first })
    for path in sections.map(String.init).sorted() + misspelt {
      lines.append(sentence { try changed("shapes", [path: "1"]) })
    }
    for yaml in files {
      lines.append(sentence { try Settings.merged(yaml) })
    }
    for name in ["flow-gpo", "shape", "nothing like it", "/no/such/file.yaml", ""] {
      lines.append(sentence { try RunConfiguration(named: name) })
    }
    for settings in RecipeTests.impossible {
      lines.append(sentence { try changed("shapes", settings).recipe() })
    }
    for (preset, settings) in impossible {
      lines.append(sentence { try changed(preset, settings).recipe() })
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A preset, and what is changed in it.
  private typealias Case = (String, [String: String])

  /// Settings that need others, so that every part of an algorithm is made once.
  private static var together: [Case] {
    var cases: [Case] = [
      ("shapes", ["sample.continuation": "multistep", "sample.solver_order": "3"]),
      ("shapes", ["sample.continuation": "multistep", "sample.grid": "linear"]),
      ("awm", ["sample.continuation": "multistep", "sample.grid": "sd3"]),
      ("awm", ["sample.continuation": "adams", "sample.solver_noise": "0.5"]),
      ("shapes", ["sample.continuation": "strides", "sample.strides": "1, 3"]),
      ("branch-grpo", ["sample.continuation": "projection"]),
      ("vgpo", ["advantage.discount": "0.5", "advantage.pull": "1", "advantage.pull_steps": "2"]),
      ("grpo-guard", ["loss.clip": "0.3", "group.prune": "extremes"]),
      ("shapes", ["sample.dynamics": "cps", "sample.noise_level": "1"]),
      ("shapes", ["reward.train": "[judge, {name: strict, weight: 0.5}]", "reward.mix": "gdpo"]),
      ("branch-grpo", ["advantage.fusion": "mean"]),
      ("branch-grpo", ["advantage.fusion": "path-probability"]),
    ]
    for kind in ["progressive", "frozen", "random", "decay", "exponential"] {
      for use in ["noise", "training"] {
        cases.append(("shapes", ["window.kind": kind, "window.of": use, "window.stay": "5"]))
      }
    }
    for weighting in ["uniform", "time", "time-squared", "huber", "ghuber"] {
      for ratio in ["each", "mean"] {
        cases.append(("awm", ["loss.weighting": weighting, "loss.ratio_of": ratio]))
      }
    }
    for shares in ["all", "positive_only", "negative_only", "one_only", "binary"] {
      cases.append(("nft", ["loss.shares": shares, "loss.beta": "0.1", "advantage.clip": "4"]))
    }
    for temperature in ["-1", "0", "0.5"] {
      for fit in ["mse", "bce"] {
        cases.append(("crd", ["loss.fit": fit, "loss.temperature": temperature]))
      }
    }
    for lag in ["none", "slow", "late"] { cases.append(("crd", ["schedule.sampling_lag": lag])) }
    for loss in ["regression", "dgpo", "dpo"] {
      cases.append(("awm", ["loss.kind": loss, "loss.times": "2"]))
    }
    return cases
  }

  private static let impossible: [Case] = [
    ("shapes", ["reward.train": "{name: judge, weight: 0}"]),
    ("shapes", ["loss.clip": "5.1", "loss.log_density": "mean"]),
    ("shapes", ["model.depth": "32", "model.heads": "16", "model.width": "1024"]),
    ("shapes", ["eval.best": "nothing"]),
    ("shapes", ["eval.best": "nothing", "eval.rewards": "false"]),
    ("shapes", ["task.name": "density", "task.train_prompts": "nowhere\n"]),
    ("vgpo", ["group.branches": "2"]), ("vgpo", ["sample.continuation": "euler"]),
    ("branch-grpo", ["group.from": "trunk"]), ("mix-grpo", ["group.branch_steps": "none"]),
    ("awm", ["group.branch_steps": "0..7"]), ("dgpo", ["loss.kind": "guarded"]),
    ("nft", ["loss.kl.beta": "1", "loss.kl.kind": "without-dt"]),
    ("crd", ["optim.minibatches": "5"]), ("awm", ["window.kind": "exponential"]),
  ]

  private static let misspelt = [
    "a", "preset", "loss.bta", "kl.beta", "loss.kl.bta", "model.widht", "grop.branches", "branches",
    "advantage.discont", "window.wdth", "sample.stride", "sample.solver", "schedule.importancecap",
    "eval.evry", "beta", "kind", "optim.lr", "group.from.x", "reward.weights", "",
  ]

  private static let files = [
    "model: 3", "a: 1", "seed: 1\n\nloss:\n  kl:\n    bta: 1\n", "actorz: {count: 3}",
    "model:\n  width: {x: 1}", "group.from.x: 3", "- 1", "hello", "model: [64]",
    "model:\n - width: 64", "seed: 1\nseed: 2", "seed: *nowhere", "{", "}", "\"", "seed: 'x",
    "\tseed: 1", "? [a, b]\n: 3", "seed:", "seed: ~", "<<: {seed: 3}", "loss: {kind: nfd}",
    "loss.kl.beta: 1\nloss: {kl: {beta: 2}}\n", "loss:\n  kl.beta: 1\n  kl: {beta: 1}\n",
    "preset: flow-gpo", "preset: [shapes]", "loss: {preset: shapes}", "window:\n  kind: slides\n",
    "sample: {continuation: stride}", "advantage: {kind: trees}", "sample: {dynamics: sde}",
    "reward: {train: held-out}", "reward: {train: [judge, judge]}",
    "reward:\n  train:\n    - {name: judge}\n    - {wieght: 2}\n",
  ]

  private static func changed(_ preset: String, _ settings: [String: String])
    throws(ConfigurationError) -> RunConfiguration
  {
    var configuration = try RunConfiguration(named: preset)
    for (path, value) in settings.sorted(by: { $0.key < $1.key }) {
      try configuration.set(path, to: value, place: "--set")
    }
    return configuration
  }

  private static func sentence<Value>(_ body: () throws -> Value) -> String {
    do {
      let value = try body()
      guard let configuration = value as? RunConfiguration else { return "taken" }
      let lines = differences(configuration.yaml, from: RunConfiguration().yaml)
      return (["taken:"] + lines.map { $0.trimmingCharacters(in: .whitespaces) })
        .joined(separator: " ")
    } catch {
      return "\(error)".replacing("\n", with: "⏎")
    }
  }

  /// What differs from the defaults, in the file and in what is made of it; or why nothing can be.
  private static func description(of configuration: RunConfiguration) throws -> [String] {
    let standard = RunConfiguration()
    var lines = differences(configuration.yaml, from: standard.yaml)
    lines.append(try hashes(of: configuration))
    guard let made = try? parts(of: configuration.recipe()) else {
      return lines + [sentence { try configuration.recipe() }]
    }
    let usual = Set(parts(of: try Self.standard.get()))
    return lines + made.filter { !usual.contains($0) }
  }

  private static func differences(_ text: String, from other: String) -> [String] {
    let usual = Set(other.split(separator: "\n"))
    return text.split(separator: "\n").filter { !usual.contains($0) }.map(String.init)
  }

  /// Of the whole file, and of what learner and actors compare.
  private static func hashes(of configuration: RunConfiguration) throws -> String {
    "file \(try digest(configuration.yaml)) numbers \(try digest(configuration.numericalYAML))"
  }

  private static func digest(_ text: String) throws -> Substring {
    let terms = RunTerms(
      runID: "run", configuration: "", numericalConfiguration: text, recipe: try standard.get())
    return "\(terms.configurationHash)".prefix(16)
  }

  private static let standard = Result { try RunConfiguration().recipe() }

  /// A recipe's parts, a line each: their values in order, whatever types hold them.
  private static func parts(of recipe: Recipe) -> [String] {
    let algorithm = recipe.algorithm
    let parts: [(String, Any)] = [
      ("task", recipe.task.name), ("model", recipe.network.shape), ("seed", recipe.runSeed),
      ("rewards", recipe.rewards), ("units", [recipe.prompts, recipe.seeds]),
      ("grid", algorithm.grid), ("dynamics", "\(type(of: algorithm.dynamics))"),
      ("noise", algorithm.dynamics), ("guidance", algorithm.guidance), ("plan", algorithm.plan),
      ("window", algorithm.window as Any), ("window of", algorithm.windowOf),
      ("split noise", algorithm.splitNoise as Any), ("shared", algorithm.sharesInitialNoise),
      ("density", algorithm.reduction), ("credit", algorithm.credit),
      ("step weight", algorithm.stepWeight), ("pruning", algorithm.pruning),
      ("trained share", algorithm.trainedShare), ("loss of", "\(type(of: algorithm.loss))"),
      ("loss", algorithm.loss),
      ("divergence", algorithm.regulariser), ("average", algorithm.averageCoefficient),
      ("lagged", algorithm.lagged), ("adaptation", recipe.adaptation),
      ("optimizer", recipe.optimizer), ("average weights", recipe.ema),
      ("minibatches", recipe.minibatches), ("by", recipe.minibatchesBy),
      ("chunk", recipe.chunkUnits), ("schedule", recipe.schedule), ("cap", recipe.importanceCap),
      ("evaluation", recipe.evaluation),
    ]
    return parts.map { "  \($0.0): \(leaves(of: $0.1).joined(separator: " "))" }
  }

  private static func leaves(of value: Any) -> [String] {
    let mirror = Mirror(reflecting: value)
    if mirror.children.isEmpty { return ["\(value)"] }
    var texts: [String] = []
    for child in mirror.children {
      if mirror.displayStyle == .enum, let label = child.label { texts.append(label) }
      texts += leaves(of: child.value)
    }
    guard mirror.displayStyle == .collection, texts.count > 32 else { return texts }
    return [texts[0], "…", texts[texts.count - 1], "of \(texts.count)"]
  }
}
