package import ArgumentParser
import Bytes
import Configuration
import Flow
import Flow
import Foundation
import Journal
import Records
import Tensor
import Transport

/// The root of a program's command line, which begins and ends the program.
package protocol RootCommand: ParsableCommand {}

extension RootCommand {
  /// Parses, runs, and turns every error into one sentence and its exit code.
  package static func perform() {
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
        let sentence = CommandWords(of: Self.self).sentence(of: message(for: error))
        end("tributary: \(sentence)", code: RunFailure.Code.usage.rawValue)
      }
      let (sentence, number) = ending(by: error)
      end("tributary: \(sentence)", code: number)
    }
  }

  /// What a command that fails says, and its exit code.
  package static func ending(by error: any Error) -> (sentence: String, code: Int32) {
    func ending(_ sentence: String, _ code: RunFailure.Code) -> (String, Int32) {
      (sentence, code.rawValue)
    }
    switch error {
    case let failure as RunFailure: return ending("\(failure)", failure.code)
    case let error as ConfigurationError:
      return ending(CommandWords(of: Self.self).sentence(on: error), .usage)
    case let failure as ModelFailure:
      // What is acknowledged is stored, and a model that fails now may answer later.
      let lines = ["\(failure)"] + failure.errorLines.map { "  \($0)" }
      return ending(lines.joined(separator: "\n"), .restart)
    case let error as KeyError:
      switch error {
      case .file: return ending("\(error)", .disk)
      case .unreadable: return ending("\(error)", .notAuthorised)
      case .missing, .damaged, .exposed, .role: return ending("\(error)", .usage)
      }
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
