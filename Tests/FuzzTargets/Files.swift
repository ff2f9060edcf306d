import Configuration
import Network
import Records
import Rewards
import Tasks
import Transport

extension FuzzTarget {
  static let safeTensors = FuzzTarget("safetensors", byteLimit: 4_096) { bytes in
    func read(_ bytes: [UInt8]) throws -> SafeTensors? {
      try decode(bytes, within: .text) { try SafeTensors(decoding: $0) }
    }
    guard let first = try read(bytes) else { return }
    guard let second = try read(first.encoded()) else {
      throw BrokenLaw("a written safetensors file is refused")
    }
    try require(
      first.metadata == second.metadata && first.entries.count == second.entries.count
        && zip(first.entries, second.entries).allSatisfy {
          $0.name == $1.name && $0.shape == $1.shape
            && $0.scalars.map(\.bitPattern) == $1.scalars.map(\.bitPattern)
        }, "a safetensors file is another after writing: \(first)")
  }

  /// A file of settings, or the configuration that a learner sends.
  static let configuration = FuzzTarget("configuration", byteLimit: 4_096) { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    func read(_ text: String) throws -> RunConfiguration? {
      try decode(Array(text.utf8), within: .foreign) { _ throws(ConfigurationError) in
        var configuration = RunConfiguration()
        try configuration.merge(yaml: text, file: "file")
        return configuration
      }
    }
    guard let first = try read(text) else { return }
    guard let second = try read(first.yaml) else {
      throw BrokenLaw("written settings are refused: \(first.yaml)")
    }
    try require(second == first, "settings are others after writing: \(first.yaml)")
    // Else it would read files.
    guard first.trainPrompts == .own, first.evaluationPrompts == .own else { return }
    _ = try decode(bytes, within: .foreign) { _ throws(ConfigurationError) in try first.recipe() }
  }

  static let keyFile = FuzzTarget("keyfile", byteLimit: 5_000) { bytes in
    let read = try decode(bytes, within: .text) { try KeyFile(text: $0, path: "file") }
    guard let read else { return }
    let again = try decodeOwn(Array(read.text.utf8), within: .text) {
      try KeyFile(text: $0, path: "file")
    }
    try require(again == read, "a key is another after writing")
  }

  static let allowedKeys = FuzzTarget("allowed", byteLimit: 4_096) { bytes in
    let read = try decode(bytes, within: .text) { try AllowedKeys(text: $0, path: "file") }
    guard let read else { return }
    let text = read.entries.values.map(\.line).joined()
    let again = try decodeOwn(Array(text.utf8), within: .text) {
      try AllowedKeys(text: $0, path: "file")
    }
    try require(again == read, "a list of keys is another after writing")
  }

  static let shapePrompts = FuzzTarget("prompts-shapes", byteLimit: 1_024) { bytes in
    try checkPrompts(bytes, for: shapes)
  }

  static let densityPrompts = FuzzTarget("prompts-density", byteLimit: 1_024) { bytes in
    try checkPrompts(bytes, for: density)
  }

  /// Lines of open prompts, whose fields travel with them.
  static let openPrompts = FuzzTarget("prompts-open", byteLimit: 1_024) { bytes in
    let areJSON = bytes.first.map { !$0.isMultiple(of: 2) } ?? false
    let text = Array(bytes.dropFirst())
    let prompts = try decode(bytes, within: .foreign) { _ throws(PromptFileError) in
      try PromptFile.prompts(of: text, file: "file", areJSON: areJSON, for: OpenPrompts())
    }
    guard let prompts else { return }
    let written = PromptFile.text(of: prompts)
    let again = try? PromptFile.prompts(of: Array(written.utf8), file: "file", for: OpenPrompts())
    try require(again == prompts, "prompts are others after writing: \(prompts)")
    for prompt in prompts {
      try require(
        prompt.metadata.isEmpty == (Metadata(json: prompt.metadata) == nil),
        "metadata cannot be passed on: \(prompt)")
    }
  }

  private static let shapes = Shapes()
  private static let density = Density()

  /// The first byte says whether they are lines of JSON.
  private static func checkPrompts(_ bytes: [UInt8], for task: some Task) throws {
    let areJSON = bytes.first.map { !$0.isMultiple(of: 2) } ?? false
    let text = Array(bytes.dropFirst())
    let prompts = try decode(bytes, within: .foreign) { _ throws(PromptFileError) in
      try PromptFile.prompts(of: text, file: "file", areJSON: areJSON, for: task)
    }
    guard let prompts else { return }
    for prompt in prompts {
      let tokens = task.tokens(of: prompt)
      try require(
        (1...task.longestPrompt).contains(tokens.count)
          && tokens.allSatisfy { task.vocabulary.indices.contains(Int($0)) },
        "\(prompt) has the tokens \(tokens)")
    }
    let written = Array(PromptFile.text(of: prompts).utf8)
    let again = try? PromptFile.prompts(of: written, file: "file", for: task)
    try require(again == prompts, "prompts are others after writing: \(prompts)")
  }
}
