import ArgumentParser
import Configuration
import Roles

/// A configuration as a user names it: a preset, a file or a run, and what `--set` changes.
struct ConfigurationSource: ParsableArguments {
  @Argument(
    help:
      "A preset (\(RunConfiguration.presets.joined(separator: ", "))), a YAML file or a run folder."
  )
  var preset = "shapes"

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Override one key, such as loss.kl.beta=0.3; `tributary config` lists them.",
      valueName: "key=value"))
  var changes: [Change] = []

  func read() throws -> RunConfiguration {
    let folder = RunFolder(preset)
    var configuration =
      folder.exists ? try RunConfiguration(savedIn: folder) : try RunConfiguration(named: preset)
    try configuration.apply(changes)
    return try configuration.resolved()
  }

  /// The arguments again, for records of what was done.
  var text: String {
    ([preset] + changes.flatMap { ["--set", "\($0.key)=\($0.value)"] }).joined(separator: " ")
  }
}

/// One `--set`.
struct Change: ExpressibleByArgument {
  let key: String
  let value: String

  /// nil without a `=`.
  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    key = String(parts[0])
    value = String(parts[1])
  }
}

extension RunConfiguration {
  mutating func apply(_ changes: [Change]) throws(ConfigurationError) {
    for change in changes { try set(change.key, to: change.value, place: "command line") }
  }
}
