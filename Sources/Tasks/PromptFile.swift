import Foundation
package import Records

/// A list of prompts that a user wrote: lines of text, or of JSON.
///
///     a photo of a red circle                      any file: one prompt a line, empty lines are none
///     {"prompt": "a photo of a red circle"}        *.jsonl: other fields are for other readers
package enum PromptFile {
  package static let byteLimit = 1 << 20

  /// Reads a file; every prompt must be one that the task can judge.
  package static func prompts(in path: String, for task: some Task) throws(PromptFileError)
    -> [Prompt]
  {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw PromptFileError(path, "there is no such file, or it cannot be read")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw PromptFileError(path, "it is not text in UTF-8")
    }
    return try prompts(
      of: text, file: path, areJSON: path.lowercased().hasSuffix(".jsonl"), for: task)
  }

  /// - Parameter file: names the text in errors.
  package static func prompts(
    of text: String, file: String, areJSON: Bool = false, for task: some Task
  ) throws(PromptFileError) -> [Prompt] {
    guard text.utf8.count <= byteLimit else {
      throw PromptFileError(file, "it has more than the \(byteLimit) bytes allowed")
    }
    // Windows ends lines with two characters and may begin a file with a mark.
    let lines = text.trimmingPrefix("\u{feff}").split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    var prompts: [Prompt] = []
    for (index, line) in lines.enumerated() {
      let line = line.trimmingCharacters(in: .whitespaces)
      if line.isEmpty { continue }
      do throws(PromptError) {
        prompts.append(try task.prompt(parsing: areJSON ? try field(of: line) : line))
      } catch {
        throw PromptFileError(file, line: index + 1, error.description)
      }
    }
    guard !prompts.isEmpty else { throw PromptFileError(file, "it has no prompts") }
    return prompts
  }

  /// The prompts as a text that ``prompts(of:file:areJSON:for:)`` reads back.
  package static func text(of prompts: [Prompt]) -> String {
    prompts.map { $0.text + "\n" }.joined()
  }

  private struct Line: Decodable {
    var prompt: String
  }

  private static func field(of line: String) throws(PromptError) -> String {
    guard let json = ForeignJSON.checked(line.utf8),
      let line = try? JSONDecoder().decode(Line.self, from: Data(json))
    else { throw PromptError("the line is not JSON of the form {\"prompt\": \"…\"}") }
    return line.prompt
  }
}

/// A file of prompts that cannot be used: which line, and why.
package struct PromptFileError: Error, Hashable, CustomStringConvertible {
  package var file: String
  package var line: Int?
  package var reason: String

  init(_ file: String, line: Int? = nil, _ reason: String) {
    self.file = file
    self.line = line
    // It may quote the file, and a sentence is for people.
    let scalars = reason.unicodeScalars
    self.reason = scalars.count > 300 ? "\(String(scalars.prefix(300)))…" : reason
  }

  package var description: String { "\(file):\(line.map { "\($0):" } ?? "") \(reason)" }
}
