import Bytes
import Foundation

extension RunConfiguration {
  static var resources: String? { ResourceFolder.path(of: "Configuration") }

  /// The names of the presets, the default first; none of a program that was copied without them.
  package static var presets: [String] {
    let folder = "\(resources ?? "")/Presets"
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let names = files.compactMap { $0.hasSuffix(".yaml") ? String($0.dropLast(5)) : nil }.sorted()
    return names.filter { $0 == "shapes" } + names.filter { $0 != "shapes" }
  }

  /// What a preset says of itself: the comment at its head.
  package static func summary(ofPreset name: String) -> String {
    let text = preset(name).flatMap { try? String(contentsOf: $0, encoding: .utf8) } ?? ""
    return text.split(separator: "\n").prefix { $0.hasPrefix("#") }
      .map { $0.dropFirst().trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
  }

  /// The file of a preset; nil for other names.
  static func preset(_ name: String) -> URL? {
    guard presets.contains(name), let resources else { return nil }
    return URL(fileURLWithPath: "\(resources)/Presets/\(name).yaml")
  }

  /// A preset by name, or a YAML file by path; a file may start from a preset that it names.
  package init(named name: String) throws(ConfigurationError) {
    self.init()
    let url = Self.preset(name) ?? URL(fileURLWithPath: name)
    guard let data = try? Data(contentsOf: url) else {
      if Self.resources == nil { throw .missingResources("Configuration") }
      throw .unknownSource(name, nearest: Self.nearestPreset(to: name), presets: Self.presets)
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw .unreadable(file: name, reason: "it is not text in UTF-8")
    }
    try merge(yaml: text, file: url.lastPathComponent)
    try readPromptLists(beside: url.deletingLastPathComponent().path)
  }

  /// The preset whose name was meant; nil for a path and for what is like none of them.
  private static func nearestPreset(to name: String) -> String? {
    guard !name.contains("/"), !name.contains(".") else { return nil }
    return Nearness.close(to: name, of: presets)
  }
}
