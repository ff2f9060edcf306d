package import ArgumentParser
package import Configuration
import Foundation
package import Learning
import Ledger
package import Tensor

/// A configuration as a user names it: a preset, a file or a run, and what `--set` changes.
package struct ConfigurationSource: ParsableArguments {
  @Argument(
    help:
      "A preset (\(RunConfiguration.presets.joined(separator: ", "))), a YAML file or a run folder."
  )
  package var preset = "shapes"

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Override one key, such as loss.kl.beta=0.3; `tributary config` lists them.",
      valueName: "key=value"))
  package var changes: [Change] = []

  package init() {}

  package func read() throws -> RunConfiguration { try written().resolved() }

  /// The same without an adapter: what it is added to need not be there.
  package func readNetworkAlone() throws -> RunConfiguration {
    var configuration = try written()
    configuration.model.adapter = AdapterSettings()
    return try configuration.resolved()
  }

  private func written() throws -> RunConfiguration {
    let folder = RunFolder(preset)
    var configuration =
      folder.exists ? try RunConfiguration(savedIn: folder) : try RunConfiguration(named: preset)
    try configuration.apply(changes)
    return configuration
  }

  /// θ at version 0: a run has its own, wherever the file may be that it began with.
  package func base(of configuration: RunConfiguration, recipe: Recipe) throws -> Buffer {
    let folder = RunFolder(preset)
    guard folder.exists,
      !changes.contains(where: { ["model.init", "model.lora.init"].contains($0.key) }),
      try Checkpoint.versions(in: folder).contains(0)
    else { return try startingWeights(of: configuration, recipe: recipe) }
    return try Checkpoint.base(in: folder, of: recipe.model)
  }

  /// The same for a file that stands alone: long lists of prompts by the files that hold them, because
  /// a digest is worth nothing without the list beside it.
  package func readStandingAlone() throws -> RunConfiguration {
    let written = try written()
    var result = try written.resolved()
    let folder =
      RunFolder(preset).exists
      ? preset : URL(fileURLWithPath: preset).deletingLastPathComponent().path
    for field in [\RunConfiguration.trainPrompts, \.evaluationPrompts] {
      guard case .list = result[keyPath: field] else { continue }
      let setting = written[keyPath: field]
      let isList = if case .list = setting { true } else { false }
      result[keyPath: field] = isList ? .file("\(folder)/\(setting.text)") : setting
    }
    return result
  }

  /// The arguments again, for records of what was done.
  package var text: String {
    ([preset] + changes.flatMap { ["--set", "\($0.key)=\($0.value)"] }).joined(separator: " ")
  }
}

/// One `--set`.
package struct Change: ExpressibleByArgument {
  package let key: String
  package let value: String

  package init(key: String, value: String) { (self.key, self.value) = (key, value) }

  /// nil without a `=`.
  package init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    key = parts[0].trimmingCharacters(in: .whitespaces)
    value = parts[1].trimmingCharacters(in: .whitespaces)
  }
}

extension RunConfiguration {
  package mutating func apply(_ changes: [Change]) throws(ConfigurationError) {
    var given: Set<String> = []
    for change in changes {
      guard given.insert(change.key).inserted else {
        throw .givenTwice(change.key, first: "command line", second: "command line")
      }
      try set(change.key, to: change.value, place: "command line")
    }
  }
}
