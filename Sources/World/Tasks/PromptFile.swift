import Foundation
package import Records

/// A list of prompts that a user wrote: lines of text, or of JSON.
///
///     a photo of a red circle                      any file: one prompt a line, empty lines are none
///     {"prompt": "a photo of a red circle"}        *.jsonl: an object a line
///
/// Of open prompts, `negative` and `category` are read too, and all other fields travel as metadata to
/// the model and to rewards; of other tasks they are for other readers.
package enum PromptFile {
  /// Of a file: about a million prompts.
  package static let byteLimit = 64 << 20
  /// Of one line of text.
  static let lineLimit = 4_096
  /// Of one line of JSON.
  static let objectLimit = 16_384

  /// Reads a file; every prompt must be one that the task can judge.
  package static func prompts(in path: String, for task: some Task) throws(PromptFileError)
    -> [Prompt]
  {
    try prompts(
      of: try bytes(of: path), file: path, areJSON: path.lowercased().hasSuffix(".jsonl"), for: task
    )
  }

  /// What a file holds, if it is no longer than a list may be.
  package static func bytes(of path: String) throws(PromptFileError) -> [UInt8] {
    guard let file = FileHandle(forReadingAtPath: path),
      let data = try? file.read(upToCount: byteLimit + 1) ?? Data()
    else { throw PromptFileError(path, "there is no such file, or it cannot be read") }
    try? file.close()
    return Array(data)
  }

  /// - Parameters:
  ///   - text: in UTF-8; `file` names it in errors.
  ///   - areJSON: whether its lines are; nil for a list as ``text(of:)`` writes it, where those are that
  ///     begin with a brace.
  package static func prompts(
    of text: [UInt8], file: String, areJSON: Bool? = nil, for task: some Task
  ) throws(PromptFileError) -> [Prompt] {
    guard text.count <= byteLimit else {
      throw PromptFileError(file, "it has more than the \(byteLimit) bytes allowed")
    }
    var prompts: [Prompt] = []
    var number = 0
    for bytes in PromptLines(text) {
      number += 1
      let limit = areJSON == false ? lineLimit : objectLimit
      guard bytes.count <= limit else {
        throw PromptFileError(
          file, line: number, "the line has \(bytes.count) bytes, \(limit) are allowed")
      }
      guard let line = String(validating: bytes, as: UTF8.self) else {
        throw PromptFileError(file, line: number, "the line is not text in UTF-8")
      }
      let trimmed = line.trimmingCharacters(in: .whitespaces)
      if trimmed.isEmpty { continue }
      do throws(PromptError) {
        let isJSON = areJSON ?? (!task.isJudged && trimmed.hasPrefix("{"))
        prompts.append(
          try isJSON ? PromptLine.prompt(in: trimmed, for: task) : task.prompt(parsing: trimmed))
      } catch {
        throw PromptFileError(file, line: number, error.description)
      }
    }
    guard !prompts.isEmpty else { throw PromptFileError(file, "it has no prompts") }
    return prompts
  }

  /// The prompts as a text that ``prompts(of:file:areJSON:for:)`` reads back.
  package static func text(of prompts: [Prompt]) -> String {
    prompts.map { PromptLine.text(of: $0) + "\n" }.joined()
  }
}

/// A file of prompts that cannot be used: which line, and why.
package struct PromptFileError: Error, Hashable, CustomStringConvertible {
  package var file: String
  package var line: Int?
  package var reason: String

  package init(_ file: String, line: Int? = nil, _ reason: String) {
    self.file = file
    self.line = line
    // It may quote the file, and a sentence is for people.
    let scalars = reason.unicodeScalars
    self.reason = scalars.count > 300 ? "\(String(scalars.prefix(300)))…" : reason
  }

  package var description: String { "\(file):\(line.map { "\($0):" } ?? "") \(reason)" }
}
