import ArgumentParser
import Configuration
import Foundation
import Roles
import Tensor
import Transport

/// The root of the command line; each subcommand has a file of its own.
@main
struct Tributary: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tributary",
    abstract:
      "Reinforcement learning for flow-matching models: a learner and any number of actors.",
    version: "0.1.0",
    subcommands: [
      TrainCommand.self, LearnerCommand.self, ActorCommand.self, ReplayCommand.self,
      SweepCommand.self, CompareCommand.self,
      EvalCommand.self, SampleCommand.self, InspectCommand.self, JournalCommand.self,
      ConfigCommand.self,
      KeysCommand.self, PretrainCommand.self, GoldenCommand.self, DoctorCommand.self,
      RewardCommand.self, RewardsCommand.self, TasksCommand.self, PresetsCommand.self,
      MetricsCommand.self,
      BenchCommand.self,
    ])

  /// Parses, runs, and turns every error into one sentence and its exit code.
  static func main() {
    Console.openStandardStreams()
    Console.ignoreClosedPipes()
    do {
      guard Kernels.hasRequested else {
        throw RunFailure(
          .usage,
          "TRIBUTARY_KERNELS asks for \(Kernels.requested ?? ""), which this processor or build does"
            + " not have; leave it unset for \(Kernels.instructionSet)")
      }
      var command = try parseAsRoot()
      try command.run()
      if let lost = Console.lost {
        throw RunFailure(.disk, "done, but standard output took no more: \(lost)")
      }
    } catch let failure as RunFailure {
      end("tributary: \(failure)", code: failure.code.rawValue)
    } catch let error as ConfigurationError {
      end("tributary: \(error)", code: RunFailure.Code.usage.rawValue)
    } catch let error as KeyError {
      let isDisk = if case .file = error { true } else { false }
      end("tributary: \(error)", code: (isDisk ? RunFailure.Code.disk : .usage).rawValue)
    } catch let error as FileError {
      end("tributary: \(error)", code: RunFailure.Code.disk.rawValue)
    } catch let error as JournalError {
      end("tributary: \(error)", code: RunFailure.Code.disk.rawValue)
    } catch let error as CocoaError {
      let path = error.filePath.map { "\($0): " } ?? ""
      end("tributary: \(path)\(error.localizedDescription)", code: RunFailure.Code.disk.rawValue)
    } catch let code as ExitCode {
      Foundation.exit(code.rawValue)
    } catch {
      let code = exitCode(for: error)
      if code == .success || code == .validationFailure { exit(withError: error) }
      end("tributary: \(error)", code: RunFailure.Code.internal.rawValue)
    }
  }

  private static func end(_ sentence: String, code: Int32) -> Never {
    // Whoever closed the pipe, such as `head`, has read enough.
    if !Console.hasLostReader { Console.error(sentence) }
    Foundation.exit(code)
  }
}
