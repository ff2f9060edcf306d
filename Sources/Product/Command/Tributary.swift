import ArgumentParser
import Dialogue
import Release

/// The root of the command line; each subcommand has a file of its own.
@main
struct Tributary: RootCommand {
  static let configuration = CommandConfiguration(
    commandName: "tributary",
    abstract:
      "Reinforcement learning for flow-matching models: a learner and any number of actors.",
    discussion: """
      Exit codes: 0 done · 1 a golden case failed · 4 a check failed · 64 usage or configuration · \
      69 no learner · 70 internal · 74 disk · 75 start it again · 77 key not accepted · \
      78 incompatible · 130 interrupted, state saved. What to do about each: \
      Documentation/ExitCodes.md. How do I …: Questions.md in the same folder.
      """,
    version: Release.description,
    groupedSubcommands: [
      CommandGroup(
        name: "Train",
        subcommands: [
          TrainCommand.self, ResumeCommand.self, LearnerCommand.self, ActorCommand.self,
          SweepCommand.self, KeysCommand.self, PretrainCommand.self, ImportCommand.self,
        ]),
      CommandGroup(
        name: "Look at runs",
        subcommands: [
          StatusCommand.self, CompareCommand.self, EvalCommand.self, SampleCommand.self,
          InspectCommand.self,
          ExportCommand.self, MergeAdapterCommand.self, JournalCommand.self, ReplayCommand.self,
        ]),
      CommandGroup(
        name: "Before a run",
        subcommands: [
          ConfigCommand.self, DoctorCommand.self, ModelCommand.self, RewardCommand.self,
          PresetsCommand.self, TasksCommand.self, RewardsCommand.self, MetricsCommand.self,
        ]),
      CommandGroup(
        name: "Check and measure this program",
        subcommands: [GoldenCommand.self, BenchCommand.self]),
    ])

  static func main() { perform() }
}
