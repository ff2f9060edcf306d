import ArgumentParser
import Bytes
import Configuration
import Foundation
import Journal
import Records
import Release
import Tensor
import Transport

/// The root of the command line; each subcommand has a file of its own.
@main
struct Tributary: ParsableCommand {
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
          SweepCommand.self, KeysCommand.self, PretrainCommand.self,
        ]),
      CommandGroup(
        name: "Look at runs",
        subcommands: [
          CompareCommand.self, EvalCommand.self, SampleCommand.self, InspectCommand.self,
          JournalCommand.self, ReplayCommand.self,
        ]),
      CommandGroup(
        name: "Before a run",
        subcommands: [
          ConfigCommand.self, DoctorCommand.self, RewardCommand.self, PresetsCommand.self,
          TasksCommand.self, RewardsCommand.self, MetricsCommand.self,
        ]),
      CommandGroup(
        name: "Check and measure this program",
        subcommands: [GoldenCommand.self, BenchCommand.self]),
    ])

  /// Parses, runs, and turns every error into one sentence and its exit code.
  static func main() {
    Console.openStandardStreams()
    Console.ignoreClosedPipes()
    do {
      if let name = Arguments.unreadable() {
        throw RunFailure(
          .usage,
          "\(name) is not text in UTF-8, and no file can be named like this here; rename it")
      }
      guard Kernels.hasRequested else {
        throw RunFailure(
          .usage,
          "TRIBUTARY_KERNELS asks for \(Kernels.requested ?? ""), which this processor or build does"
            + " not have; leave it unset for \(Kernels.instructionSet)")
      }
      var command = try parseAsRoot()
      if (command as? any PrintsJSON)?.json == true { Console.keepOutputForData() }
      try command.run()
      if let lost = Console.lost {
        throw RunFailure(.disk, "done, but standard output took no more: \(lost)")
      }
    } catch let code as ExitCode {
      Foundation.exit(code.rawValue)
    } catch {
      let isOurs = error is RunFailure || error is ConfigurationError
      let code = exitCode(for: error)
      if !isOurs, code == .success { exit(withError: error) }
      if !isOurs, code == .validationFailure {
        let sentence = CommandWords.given.sentence(of: message(for: error))
        end("tributary: \(sentence)", code: RunFailure.Code.usage.rawValue)
      }
      let (sentence, number) = ending(by: error)
      end("tributary: \(sentence)", code: number)
    }
  }

  /// What a command that fails says, and its exit code.
  static func ending(by error: any Error) -> (sentence: String, code: Int32) {
    func ending(_ sentence: String, _ code: RunFailure.Code) -> (String, Int32) {
      (sentence, code.rawValue)
    }
    switch error {
    case let failure as RunFailure: return ending("\(failure)", failure.code)
    case let error as ConfigurationError:
      return ending(CommandWords.given.sentence(on: error), .usage)
    case let error as KeyError:
      let isDisk = if case .file = error { true } else { false }
      return ending("\(error)", isDisk ? .disk : .usage)
    case let error as FileError: return ending("\(error)", error.isOutOfFiles ? .restart : .disk)
    case let error as ZeroMQError where error.isOutOfFiles:
      return ending("\(error); raise the limit of open files: ulimit -n 4096", .restart)
    case let error as TooFewFiles: return ending("\(error)", .usage)
    case let error as ThreadRefused: return ending("\(error)", .restart)
    case let error as JournalError: return ending("\(error)", .disk)
    case let error as CocoaError:
      let path = error.filePath.map { "\($0): " } ?? ""
      return ending("\(path)\(error.localizedDescription)", .disk)
    default: return ending("\(error)", .internal)
    }
  }

  private static func end(_ sentence: String, code: Int32) -> Never {
    // Whoever closed the pipe, such as `head`, has read enough.
    if !Console.hasLostReader { Console.error(sentence) }
    Foundation.exit(code)
  }
}
