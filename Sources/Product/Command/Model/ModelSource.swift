import ArgumentParser
import Configuration
import Dialogue
import Foundation
import Ledger
import Programs
import Records

/// A model's program as a user names it: its command line, or what has a `model.program`.
struct ModelSource: ParsableArguments {
  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp(
      "A program and its arguments, as in model.program, or a YAML file or run folder that has one."
        + " Options of this command stand before it.",
      valueName: "program"))
  var words: [String] = []

  func validate() throws {
    guard let first = words.first else {
      throw ValidationError("name a program, such as python3 model.py")
    }
    if first.hasPrefix("-") {
      throw ValidationError(
        "there is no option \(first) here, and a program does not begin with a dash")
    }
  }

  /// - Throws: a sentence if it cannot be started, as far as files tell.
  func command() throws -> ProgramCommand {
    let command = try named().located
    if let obstacle = command.obstacle() { throw RunFailure(.usage, obstacle) }
    return command
  }

  private func named() throws -> ProgramCommand {
    let words = words.first == "--" ? Array(words.dropFirst()) : words
    // A whole command line in one word, and what has one, take nothing behind them.
    if words.count > 1, words[0].contains(" ") || isConfiguration(words[0]) {
      throw RunFailure(.usage, "options of this command stand before \(words[0]), not behind it")
    }
    guard words.count == 1, isConfiguration(words[0]) else {
      return ProgramCommand(words.joined(separator: " "), in: nil)
    }
    let folder = RunFolder(words[0])
    let configuration =
      folder.exists ? try RunConfiguration(savedIn: folder) : try RunConfiguration(named: words[0])
    guard !configuration.model.program.isEmpty else {
      throw RunFailure(
        .usage, "\(words[0]) has no model.program: its model is the built-in network")
    }
    let place = configuration.model.folder
    return ProgramCommand(configuration.model.program, in: place.isEmpty ? nil : place)
  }

  private func isConfiguration(_ word: String) -> Bool {
    RunFolder(word).exists || RunConfiguration.presets.contains(word)
      || [".yaml", ".yml"].contains { word.lowercased().hasSuffix($0) }
  }

  /// The command line again, for sentences.
  var text: String { words.joined(separator: " ") }
}
