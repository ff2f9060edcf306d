import Foundation
import Glibc

/// A program, as a command line: its name or path, and arguments after spaces.
package struct ProgramCommand: Hashable, Sendable, CustomStringConvertible {
  package let command: String
  /// Where it runs, and where relative paths begin; nil for wherever this process runs.
  package let folder: String?

  package init(_ command: String, in folder: String?) {
    self.command = command
    self.folder = folder
  }

  package var description: String { command }

  /// A path with spaces that exists is one word.
  package var words: [String] {
    if exists(command) { return [command] }
    return command.split(separator: " ").map(String.init)
  }

  /// The same with a folder, and with its path in full if it is one. A path whose folder has spaces stays
  /// as it is where arguments follow.
  package var located: ProgramCommand {
    let folder = folder ?? FileManager.default.currentDirectoryPath
    var words = ProgramCommand(command, in: folder).words
    if let path = words.first, Self.isPath(path) || exists(path) {
      let whole = full(path)
      if words.count == 1 || !whole.contains(" ") {
        words[0] = whole
      } else if !path.contains("/") {
        words[0] = "./\(path)"
      }
    }
    return ProgramCommand(words.joined(separator: " "), in: folder)
  }

  /// Why it cannot be started on this machine, as far as files tell.
  ///
  /// - Parameter others: what a word could be that is no program, for the sentence on one that is neither.
  package func obstacle(otherwise others: String? = nil) -> String? {
    var words = words[...]
    guard let name = words.first else { return "its program has no name" }
    guard let file = Self.isPath(name) ? full(name) : Self.found(name) else {
      return missing(name, others)
    }
    if let obstacle = self.obstacle(to: file) { return obstacle }
    words = words.dropFirst()
    var runner = name
    if Self.last(of: name) == "env" {
      words = words.drop { $0.contains("=") && !$0.hasPrefix("-") }
      // Some options of `env` take a word of their own.
      guard let next = words.popFirst(), !next.hasPrefix("-") else { return nil }
      guard next.contains("/") ? exists(next) : Self.found(next) != nil else {
        return missing(next, others)
      }
      runner = next
    }
    guard let script = Self.script(of: runner, in: words), !exists(script) else { return nil }
    return "there is no \(full(script)), which \(runner) is to run"
  }

  package static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  // MARK: Files

  /// `ftp://host` is no path, but an address that somebody meant.
  private static func isPath(_ word: String) -> Bool { word.contains("/") && !word.contains("://") }

  private func full(_ path: String) -> String {
    let base = folder ?? FileManager.default.currentDirectoryPath
    return URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: base, isDirectory: true))
      .standardizedFileURL.path
  }

  private func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: full(path))
  }

  /// Where the PATH finds a program.
  private static func found(_ name: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return path.split(separator: ":").map { "\($0)/\(name)" }.first {
      FileManager.default.isExecutableFile(atPath: $0) && !isFolder($0)
    }
  }

  private static func last(of path: String) -> Substring { path.split(separator: "/").last ?? "" }

  private func missing(_ name: String, _ others: String?) -> String {
    if name.contains("://") || name.lowercased().hasPrefix("http:") {
      return "\(name) is no address of a server; those begin with http:// or https://"
    }
    let sides = name.split(separator: ":")
    let isAddress = sides.count > 1 && UInt16(sides[sides.count - 1]) != nil
    return
      (others.map { "\(name) is no \($0) and no program on the PATH" }
      ?? "there is no program \(name) on the PATH")
      + (isAddress && others != nil ? "; for a server write http://\(name)" : "")
  }

  private func obstacle(to file: String) -> String? {
    guard FileManager.default.fileExists(atPath: file) else { return "there is no program \(file)" }
    if Self.isFolder(file) { return "\(file) is a folder, not a program" }
    guard FileManager.default.isExecutableFile(atPath: file) else {
      return "\(file) may not be executed; chmod +x \(file)"
    }
    return interpreterObstacle(of: file)
  }

  /// What a script's first line names and is not there.
  private func interpreterObstacle(of file: String) -> String? {
    let handle = FileHandle(forReadingAtPath: file)
    defer { try? handle?.close() }
    guard let start = try? handle?.read(upToCount: 256), start.starts(with: Array("#!".utf8)) else {
      return nil
    }
    let line = start.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }
    if line.last == UInt8(ascii: "\r") {
      return "the first line of \(file) ends as on Windows, with a carriage return; remove those:"
        + " sed -i 's/\\r$//' \(file)"
    }
    var words = String(decoding: line, as: UTF8.self).split(separator: " ")[...]
    guard let interpreter = words.popFirst().map(String.init) else { return nil }
    guard FileManager.default.isExecutableFile(atPath: interpreter) else {
      return "the first line of \(file) names \(interpreter), which is not there"
    }
    guard Self.last(of: interpreter) == "env" else { return nil }
    guard
      let name = words.first(where: { !$0.hasPrefix("-") && !$0.contains("=") }).map(String.init),
      !name.contains("/"), Self.found(name) == nil
    else { return nil }
    return "the first line of \(file) names \(name), which is not on the PATH"
  }

  /// Whether a word can be nothing but a file: `a/b`, `b.py`.
  private static func isFile(_ word: String) -> Bool {
    guard !word.contains("=") else { return false }
    return word.contains("/") || word.wholeMatch(of: /[^.:]+\.[A-Za-z]+/) != nil
  }

  private static let interpreters = [
    "python", "pypy", "sh", "bash", "dash", "zsh", "ksh", "node", "ruby", "perl", "php", "Rscript",
    "julia", "lua",
  ]

  /// The file that an interpreter is to run; nil for no interpreter, or none that runs a file.
  ///
  /// A word behind an option may be the option's value: it counts if it is written as a file.
  private static func script(of runner: String, in arguments: ArraySlice<String>) -> String? {
    // python3.12 is python, too.
    let name = last(of: runner).prefix { !$0.isNumber && $0 != "." }
    guard interpreters.contains(String(name)) else { return nil }
    var isBehindOption = false
    for word in arguments {
      // A module, a text, or what comes in.
      if ["-m", "-c", "-e", "-", "--eval"].contains(word) { return nil }
      if word.hasPrefix("-") {
        isBehindOption = true
      } else if !isBehindOption || isFile(word) {
        return word
      } else {
        isBehindOption = false
      }
    }
    return nil
  }
}
