import Configuration

/// What the generated pages of the documentation have in common.
enum ReferencePage {
  static func origin(_ command: String) -> String {
    "This page is what `\(command)` prints; `scripts/generators/pages` writes it."
  }

  /// A text within a table's cell.
  static func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }

  /// Every key with its default, its values and its meaning.
  static var keys: String {
    let rows = zip(RunConfiguration.keys, RunConfiguration().settings).map { key, setting in
      "| `\(key.path)` | \(setting.value.isEmpty ? "nothing" : "`\(setting.value)`") | \(cell(key.kind.allowed)) | \(cell(key.meaning))"
        + "\(key.decidesNumbers ? "" : " Decides no numbers: a run may be resumed with another value.") |\n"
    }
    return """
      # Configuration

      A run's settings: a YAML file, read strictly over these defaults, and `--set key=value` over it.

      \(origin("tributary config show --markdown"))

      A file says only what it changes, in sections (`loss: {kl: {beta: 0.3}}`) or with dots
      (`loss.kl.beta: 0.3`), and it may start from a preset: `preset: flow-grpo`, then what differs.
      `tributary config show PRESET --yaml` prints a whole file. An unknown key, a key that is given
      twice, a wrong value and a combination that cannot work are refused with one sentence. `tributary config check` looks at a file, `tributary config explain`
      says what it would cost, `tributary config schema` helps an editor. A run folder keeps the
      resolved configuration, with every key.

      ## Keys

      | Key | Default | Values | Meaning |
      | --- | --- | --- | --- |
      \(rows.joined())
      ## Older run folders

      A run folder holds every key that its release knew. A later release opens it: a key that was
      added since takes its default, which is what the older release did, and such a key takes part
      in the comparison of learner, actors and journal only where its value is another one. A key is
      never renamed and never changes its meaning; one that goes away is refused by name. Wire,
      journal, checkpoint and configuration each carry a version of their own, and a version that
      this release cannot read is refused with both numbers.

      """
  }
}
