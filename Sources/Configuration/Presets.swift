import Foundation

extension RunConfiguration {
  /// The names of the presets, the default first.
  package static var presets: [String] {
    let folder = Bundle.module.bundleURL.appendingPathComponent("Presets").path
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let names = files.compactMap { $0.hasSuffix(".yaml") ? String($0.dropLast(5)) : nil }.sorted()
    return names.filter { $0 == "shapes" } + names.filter { $0 != "shapes" }
  }

  /// What a preset says of itself: the comment on its first line.
  package static func summary(ofPreset name: String) -> String {
    let line = Bundle.module.url(
      forResource: name, withExtension: "yaml", subdirectory: "Presets"
    ).flatMap { try? String(contentsOf: $0, encoding: .utf8) }?.split(separator: "\n").first
    return line.map { $0.trimmingPrefix("#").trimmingCharacters(in: .whitespaces) } ?? ""
  }

  /// A preset by name, or a YAML file by path.
  package init(named name: String) throws(ConfigurationError) {
    self.init()
    let preset =
      Self.presets.contains(name)
      ? Bundle.module.url(forResource: name, withExtension: "yaml", subdirectory: "Presets") : nil
    let url = preset ?? URL(fileURLWithPath: name)
    guard let data = try? Data(contentsOf: url) else {
      throw .impossible(
        "\(name) is neither a preset (\(Self.presets.joined(separator: ", "))) nor a file that can be"
          + " read")
    }
    try merge(yaml: String(decoding: data, as: UTF8.self), file: url.lastPathComponent)
  }
}
