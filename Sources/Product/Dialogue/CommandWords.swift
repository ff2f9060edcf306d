import ArgumentParser
import Configuration

/// The words of a command line, as far as they name a command: what errors of usage refer to.
struct CommandWords {
  /// `tributary`, and the subcommands down to the one that is meant.
  let names: [String]
  /// The first word that names no subcommand.
  private let next: String?
  /// What could have stood there.
  private let choices: [String]

  init(
    _ words: [String] = Array(CommandLine.arguments.dropFirst()),
    of root: any ParsableCommand.Type
  ) {
    var names = [root._commandName]
    var command = root
    var rest = words[...]
    while let word = rest.first,
      let sub = command.configuration.subcommands.first(where: { $0._commandName == word })
    {
      names.append(word)
      command = sub
      rest = rest.dropFirst()
    }
    self.names = names
    next = rest.first.flatMap { $0.hasPrefix("-") ? nil : $0 }
    choices = command.configuration.subcommands.map { $0._commandName }
  }

  /// The command that was perhaps meant where a word names none.
  private var meant: String? {
    next.flatMap { Nearness.close(to: $0, of: choices) }.map {
      (names + [$0]).joined(separator: " ")
    }
  }

  /// One sentence of the parser's message, with the next step.
  func sentence(of message: String) -> String {
    if let next, !choices.isEmpty {
      let known = "the commands are \(choices.joined(separator: ", "))"
      return "there is no command \((names.dropFirst() + [next]).joined(separator: " ")); "
        + (meant.map { "did you mean \($0)?" } ?? known)
    }
    let parts = message.split(whereSeparator: \.isNewline).map {
      let line = $0.drop { $0 == " " }
      return line.hasPrefix("- ") ? line.dropFirst(2) : line
    }
    var text = parts.joined(separator: ", ").replacing(":, ", with: ": ")
    text = text.replacing(". Did you mean", with: "; did you mean")
      .replacing(". Please provide", with: "; please provide")
    if text.hasPrefix("Un") || text.hasPrefix("Mis") || text.hasPrefix("The ") {
      text = text.prefix(1).lowercased() + text.dropFirst()
    }
    while text.hasSuffix(".") { text.removeLast() }
    return "\(text)\(text.hasSuffix("?") ? " See" : "; see") \(names.joined(separator: " ")) --help"
  }

  /// The error as a sentence: a misspelt subcommand may have been taken for a preset.
  func sentence(on error: ConfigurationError) -> String {
    guard case .unknownSource(let name, nil, _) = error, name == next, let meant else {
      return "\(error)"
    }
    return "\(name) is neither a preset nor a file that can be read; did you mean \(meant)?"
  }
}
