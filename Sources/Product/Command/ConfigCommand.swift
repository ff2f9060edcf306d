import ArgumentParser
import Configuration
import Costs
import Dialogue
import Foundation
import Learning
import Rewards
import Tasks

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Show a configuration, check whether it can run, and what it costs.",
    discussion: """
      Examples:
        tributary config                          every key, its value and meaning
        tributary config show my.yaml --changed   what my.yaml changes
        tributary config check my.yaml --set group.branches=16
        tributary config explain shapes           calls, memory, disk, time
        tributary config schema > tributary.schema.json      for an editor
      """, subcommands: [Show.self, Check.self, Explain.self, Schema.self],
    defaultSubcommand: Show.self)

  struct Show: PrintsJSON {
    static let configuration = CommandConfiguration(
      abstract: "Every key that --set takes, with its value and meaning.",
      discussion: """
        Examples:
          tributary config show my.yaml --changed
          tributary config show flow-grpo --yaml > my.yaml
        """)

    @OptionGroup var source: ConfigurationSource

    @Flag(help: "Only the keys whose values are not the defaults.")
    var changed = false

    @Flag(help: "As YAML, as a run folder keeps it.")
    var yaml = false

    @Flag(help: "As one JSON object.")
    var json = false

    @Flag(help: "All keys as the page of the documentation.")
    var markdown = false

    func run() throws {
      if markdown { return Console.lines(ReferencePage.keys) }
      let configuration = try source.read()
      if yaml { return Console.lines(try source.readStandingAlone().yaml) }
      let defaults = RunConfiguration().settings
      let settings = zip(configuration.settings, defaults).filter {
        !changed || $0.value != $1.value
      }
      if json {
        return try Console.json(
          Dictionary(uniqueKeysWithValues: settings.map { ($0.0.path, $0.0.value) }))
      }
      for (setting, standard) in settings {
        let mark = setting.value == standard.value ? " " : "*"
        let value = setting.value.contains("\n") ? "(prompts)" : setting.value
        Console.line(
          mark + Console.left(setting.path, 22) + Console.left(value, 10) + setting.meaning)
      }
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Whether a configuration can run; exit code 64 and one sentence if not.",
      discussion: """
        Example:
          tributary config check my.yaml --set group.branches=16
        """)

    @OptionGroup var source: ConfigurationSource

    func run() throws {
      let configuration = try source.read()
      let start = try RunStart(of: configuration, from: source, startsPrograms: true)
      try start.examine()
      Console.line("ok    \(source.preset): task \(start.recipe.task.name), nothing is in its way")
    }
  }

  struct Explain: PrintsJSON {
    static let configuration = CommandConfiguration(
      abstract: "What a run would do and cost; a few units are computed to time them.",
      discussion: """
        Example:
          tributary config explain shapes --actors 8
        """)

    @OptionGroup var source: ConfigurationSource

    @Option(help: "Local actors.")
    var actors = ProcessInfo.processInfo.activeProcessorCount

    @Flag(help: "Print the report as one JSON object.")
    var json = false

    func validate() throws {
      guard (1...256).contains(actors) else {
        throw ValidationError("--actors \(actors) is not in 1...256")
      }
    }

    func run() throws {
      let configuration = try source.read()
      let plan = Plan(
        configuration: configuration, recipe: try configuration.recipe(), actors: actors,
        updates: configuration.updates)
      plan.show()
      let cost = try plan.measured()
      plan.show(cost)
      if json { try Console.json(plan.figures(cost)) }
    }
  }

  struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The JSON Schema of a configuration file.",
      discussion: """
        Example:
          tributary config schema > tributary.schema.json
        """)

    func run() throws { Console.lines(try RunConfiguration.schema()) }
  }
}
