package import Records
package import Tasks
import Wire

/// A list of prompts that a configuration names by its digest, because it is too long to stand there.
///
/// A run folder keeps the text under ``setting``, which is also what the configuration says: a path
/// beside it. Learners send it to actors in ``Piece``s, and whoever reads it compares the digest.
package struct PromptList: Hashable, Sendable {
  /// Of the text: one prompt a line.
  package let digest: Digest
  package let prompts: [Prompt]
  /// Text in UTF-8: to write that of 25,000 prompts with metadata takes seconds.
  package let bytes: [UInt8]

  package init(_ prompts: [Prompt]) {
    self.prompts = prompts
    bytes = Array(PromptFile.text(of: prompts).utf8)
    digest = Digest(of: bytes)
  }

  /// The list that a folder or a learner holds under a digest.
  ///
  /// - Parameter origin: names the text in errors.
  package init(
    _ bytes: [UInt8], as digest: Digest, for task: some Task, from origin: String
  ) throws(PromptFileError) {
    guard Digest(of: bytes) == digest else {
      throw PromptFileError(
        origin, "it does not have the digest that it is named by; restore it from a copy")
    }
    prompts = try PromptFile.prompts(of: bytes, file: origin, for: task)
    self.bytes = bytes
    self.digest = digest
  }

  /// What a configuration says in the place of the prompts, and where a run folder keeps them.
  package var setting: String { Self.setting(of: digest) }

  package static func setting(of digest: Digest) -> String { "prompts/\(digest).txt" }

  /// The digest that a setting names, or nil for another setting.
  package static func digest(namedBy setting: String) -> Digest? {
    guard setting.hasPrefix("prompts/"), setting.hasSuffix(".txt") else { return nil }
    return Digest(hexadecimal: String(setting.dropFirst(8).dropLast(4)))
  }

  package static func == (a: PromptList, b: PromptList) -> Bool { a.digest == b.digest }

  package func hash(into hasher: inout Hasher) { hasher.combine(digest) }

  /// How a list travels: pieces of one length, the last one shorter, if need be empty.
  package enum Piece {
    package static let byteCount = 512 << 10

    package static func of(_ bytes: [UInt8], at index: UInt32) -> [UInt8]? {
      let start = Int(index) * byteCount
      guard start <= bytes.count else { return nil }
      return Array(bytes[start..<min(start + byteCount, bytes.count)])
    }
  }
}
