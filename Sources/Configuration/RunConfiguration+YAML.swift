import Yams

extension RunConfiguration {
  /// Reads a file's settings over the present ones.
  ///
  /// - Parameters:
  ///   - yaml: the text; `file` names it in errors.
  /// - Throws: ``ConfigurationError`` for the first key that is unknown or has a wrong value.
  package mutating func merge(yaml: String, file: String) throws(ConfigurationError) {
    let root: Node?
    do {
      root = try compose(yaml: yaml)
    } catch {
      // The lines below the first quote the file.
      let reason = "\(error)".split(separator: "\n").first ?? ""
      throw .unreadable(file: file, reason: String(reason))
    }
    guard let root else { return }
    try merge(root, prefix: "", file: file)
  }

  private mutating func merge(_ node: Node, prefix: String, file: String)
    throws(ConfigurationError)
  {
    let line = node.mark?.line ?? 0
    switch node {
    case .mapping(let mapping):
      for (key, value) in mapping {
        let name = key.string ?? "?"
        let path = prefix.isEmpty ? name : "\(prefix).\(name)"
        let isSection = Self.keys.contains { $0.path.hasPrefix("\(path).") }
        if case .mapping = value, !isSection {
          throw .unknownKey(
            path, nearest: Self.nearestKey(to: path), place: "\(file):\(key.mark?.line ?? line)")
        }
        try merge(value, prefix: path, file: file)
      }
    case .scalar(let scalar):
      // A file or a section of comments alone.
      let isSection = prefix.isEmpty || Self.keys.contains { $0.path.hasPrefix("\(prefix).") }
      if isSection && scalar.string.isEmpty { return }
      try set(prefix, to: scalar.string, place: "\(file):\(line)")
    default:
      throw .invalidValue(
        prefix, value: "a list", allowed: "one value", place: "\(file):\(line)")
    }
  }

  /// Sets one key, as `--set path=value` does.
  package mutating func set(_ path: String, to value: String, place: String)
    throws(ConfigurationError)
  {
    guard let key = Self.keys.first(where: { $0.path == path }) else {
      throw .unknownKey(path, nearest: Self.nearestKey(to: path), place: place)
    }
    do throws(Key.InvalidValue) {
      try key.write(&self, value)
    } catch {
      throw .invalidValue(path, value: value, allowed: error.allowed, place: place)
    }
  }

  /// The resolved configuration: every key, in one order.
  package var yaml: String { yaml(of: Self.keys) }

  /// The keys that decide numbers: what runs and actors compare.
  package var numericalYAML: String { yaml(of: Self.keys.filter(\.decidesNumbers)) }

  private func yaml(of keys: [Key]) -> String {
    var lines: [String] = []
    var open: [Substring] = []
    for key in keys {
      let parts = key.path.split(separator: ".")
      let sections = Array(parts.dropLast())
      let shared = zip(open, sections).prefix { $0 == $1 }.count
      for depth in shared..<max(shared, sections.count) {
        lines.append(String(repeating: "  ", count: depth) + "\(sections[depth]):")
      }
      open = sections
      let indent = String(repeating: "  ", count: sections.count)
      lines.append("\(indent)\(parts[parts.count - 1]): \(Self.scalar(key.read(self)))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The text as one YAML value: in quotes where it would be read as something else.
  private static func scalar(_ text: String) -> String {
    let plain = text.unicodeScalars.allSatisfy {
      $0.properties.isAlphabetic || "0123456789._/+-".unicodeScalars.contains($0)
    }
    if plain && !text.isEmpty && text != "-" { return text }
    let quoted = text.unicodeScalars.map { scalar in
      switch scalar {
      case "\"", "\\": "\\\(scalar)"
      case _ where scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value):
        "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: "\(scalar)"
      }
    }
    return "\"\(quoted.joined())\""
  }

  /// The paths of the numerical keys in which two configurations differ.
  package func numericalDifferences(from other: RunConfiguration) -> [String] {
    Self.keys.filter { $0.decidesNumbers && $0.read(self) != $0.read(other) }.map {
      "\($0.path) (\($0.read(other)) → \($0.read(self)))"
    }
  }

  private static func nearestKey(to path: String) -> String {
    keys.map(\.path).min { editDistance($0, path) < editDistance($1, path) } ?? ""
  }

  /// Levenshtein's distance.
  private static func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var row = Array(0...b.count)
    for i in a.indices {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        let substitution = diagonal + (a[i] == b[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substitution, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}
