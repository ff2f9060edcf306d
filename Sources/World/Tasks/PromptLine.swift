import Foundation
import Records

/// One line of a list of prompts: plain text, or a JSON object.
enum PromptLine {
  /// Bytes of a prompt's metadata.
  static let metadataLimit = 2_048

  static func prompt(in line: String, for task: some Task) throws(PromptError) -> Prompt {
    guard let json = ForeignJSON.checked(line.utf8),
      var fields = try? JSONSerialization.jsonObject(with: Data(json)) as? [String: Any],
      let text = fields.removeValue(forKey: "prompt") as? String
    else { throw PromptError("the line is not JSON of the form {\"prompt\": \"…\"}") }
    let prompt = try task.prompt(parsing: text)
    // A task that judges by its own grammar knows categories itself.
    if task.isJudged { return prompt }
    func word(_ name: String, _ most: Int) throws(PromptError) -> String {
      guard let value = fields[name] else { return "" }
      guard let text = value as? String, text.utf8.count <= most, OpenPrompts.isLine(text) else {
        throw PromptError("its \"\(name)\" is no line of text of up to \(most) bytes")
      }
      return text
    }
    let category = try word("category", 64)
    let negative = try word("negative", 4_096)
    fields["negative"] = nil
    var metadata = ""
    if !fields.isEmpty {
      metadata = self.text(of: fields)
      guard !metadata.isEmpty, metadata.utf8.count <= metadataLimit else {
        throw PromptError("its other fields have more than \(metadataLimit) bytes")
      }
    }
    return Prompt(
      text: prompt.text, category: category.isEmpty ? prompt.category : category,
      negative: negative, metadata: metadata)
  }

  /// A line that ``prompt(in:for:)`` or the task itself reads back.
  static func text(of prompt: Prompt) -> String {
    let isPlain = prompt.text.unicodeScalars.first != "{"
    guard !prompt.negative.isEmpty || !prompt.metadata.isEmpty || !isPlain else {
      return prompt.text
    }
    var fields =
      (try? JSONSerialization.jsonObject(with: Data(prompt.metadata.utf8)) as? [String: Any]) ?? [:]
    fields["prompt"] = prompt.text
    if !prompt.negative.isEmpty { fields["negative"] = prompt.negative }
    return text(of: fields)
  }

  private static func text(of fields: [String: Any]) -> String {
    let data = try? JSONSerialization.data(
      withJSONObject: fields, options: [.sortedKeys, .withoutEscapingSlashes])
    guard let data else { return "" }
    // What JSON may have in a text, and a list of lines or its reader may not.
    var line = String.UnicodeScalarView()
    for scalar in String(decoding: data, as: UTF8.self).unicodeScalars {
      switch scalar.value {
      case 0x85: line.append(contentsOf: "\\u0085".unicodeScalars)
      case 0x2028: line.append(contentsOf: "\\u2028".unicodeScalars)
      case 0x2029: line.append(contentsOf: "\\u2029".unicodeScalars)
      case 0xfeff: line.append(contentsOf: "\\ufeff".unicodeScalars)
      default: line.append(scalar)
      }
    }
    return String(line)
  }
}
