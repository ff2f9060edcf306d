import Foundation
import Ledger
import Yams

extension RunConfiguration {
  /// Of a file of settings.
  package static let byteLimit = 1 << 18
  /// Uses of anchors in a file: each may double what the one before stands for.
  static let aliasLimit = 8

  /// Reads a file's settings over the present ones.
  ///
  /// - Parameters:
  ///   - yaml: the text; `file` names it in errors.
  /// - Throws: ``ConfigurationError`` for the first key that is unknown or has a wrong value.
  package mutating func merge(yaml: String, file: String) throws(ConfigurationError) {
    // The cheap checks first: a parser makes an object of every few bytes.
    guard yaml.utf8.count <= Self.byteLimit else {
      throw .unreadable(
        file: file, reason: "it has \(yaml.utf8.count) bytes, \(Self.byteLimit) are allowed")
    }
    guard AliasCount.of(yaml) <= Self.aliasLimit else {
      throw .unreadable(file: file, reason: "it has more than \(Self.aliasLimit) aliases")
    }
    let root: Node?
    do {
      root = try compose(yaml: yaml)
    } catch {
      // The lines below the first quote the file.
      let reason = "\(error)".split(separator: "\n").first ?? ""
      throw .unreadable(file: file, reason: String(reason))
    }
    guard let root else { return }
    if let start = root.mapping?["preset"] {
      try begin(with: start, place: "\(file):\(start.mark?.line ?? 0)")
    }
    var given: [String: String] = [:]
    try merge(root, prefix: "", file: file, given: &given)
  }

  /// Starts from a preset; what the file says besides comes on top.
  private mutating func begin(with node: Node, place: String) throws(ConfigurationError) {
    let name = node.string ?? ""
    guard let url = Self.preset(name), let data = try? Data(contentsOf: url) else {
      throw .invalidValue(
        "preset", value: node.string ?? "no name", allowed: Self.presets.joined(separator: ", "),
        place: place)
    }
    try merge(yaml: String(decoding: data, as: UTF8.self), file: url.lastPathComponent)
  }

  /// - Parameter given: the keys so far and where they were; a key has two spellings, nested and
  ///   dotted.
  private mutating func merge(
    _ node: Node, prefix: String, file: String, given: inout [String: String]
  ) throws(ConfigurationError) {
    let line = node.mark?.line ?? 0
    if Self.keys.contains(where: { $0.path == prefix }) {
      let place = "\(file):\(line)"
      if let first = given.updateValue(place, forKey: prefix) {
        throw .givenTwice(prefix, first: first, second: place)
      }
    }
    if let write = Self.keys.first(where: { $0.path == prefix })?.writeNode {
      return try write(&self, node) { "\(file):\($0.mark?.line ?? line)" }
    }
    switch node {
    case .mapping(let mapping):
      for (key, value) in mapping {
        let name = key.string ?? "?"
        if prefix.isEmpty && name == "preset" { continue }
        let path = prefix.isEmpty ? name : "\(prefix).\(name)"
        let takesMapping = Self.keys.contains {
          $0.path.hasPrefix("\(path).") || $0.path == path && $0.writeNode != nil
        }
        if case .mapping = value, !takesMapping {
          throw .unknownKey(
            path, nearest: Nearness.keys(to: path), place: "\(file):\(key.mark?.line ?? line)")
        }
        try merge(value, prefix: path, file: file, given: &given)
      }
    case .scalar(let scalar):
      // A file or a section of comments alone.
      let isSection = prefix.isEmpty || Self.keys.contains { $0.path.hasPrefix("\(prefix).") }
      if isSection && scalar.string.isEmpty { return }
      try set(prefix, to: scalar.string, place: "\(file):\(line)")
    case .sequence(let list) where Self.isList(prefix) && list.allSatisfy { $0.scalar != nil }:
      let values = list.compactMap(\.scalar?.string)
      try set(prefix, to: values.joined(separator: ","), place: "\(file):\(line)")
    default:
      throw .invalidValue(
        prefix, value: "a list", allowed: "one value", place: "\(file):\(line)")
    }
  }

  private static func isList(_ path: String) -> Bool {
    guard case .list = keys.first(where: { $0.path == path })?.kind else { return false }
    return true
  }

  /// Sets one key, as `--set path=value` does.
  package mutating func set(_ path: String, to value: String, place: String)
    throws(ConfigurationError)
  {
    guard let key = Self.keys.first(where: { $0.path == path }) else {
      let inside = Self.keys.map(\.path).filter { $0.hasPrefix("\(path).") }
      if !inside.isEmpty { throw .section(path, keys: inside, place: place) }
      if path == "preset" {
        throw .impossible("preset is what a file starts from; a command takes it as its argument")
      }
      throw .unknownKey(path, nearest: Nearness.keys(to: path), place: place)
    }
    if let write = key.writeNode {
      guard value.utf8.count <= Self.byteLimit, AliasCount.of(value) <= Self.aliasLimit,
        let node = try? compose(yaml: value)
      else {
        throw .invalidValue(path, value: value, allowed: "YAML", place: place)
      }
      return try write(&self, node) { _ in place }
    }
    do throws(Key.InvalidValue) {
      try key.write(&self, value)
    } catch {
      throw .invalidValue(path, value: value, allowed: error.allowed, place: place)
    }
  }

  /// The resolved configuration: every key, in one order.
  package var yaml: String { yaml(of: Self.keys) { $0.read(self) } }

  /// What actors are told: without the later keys at their defaults, so that an actor of an earlier release
  /// can read it.
  var sharedYAML: String { brief(Self.keys) { $1.read($0) } }

  /// The keys that decide numbers: what runs and actors compare.
  package var numericalYAML: String {
    brief(Self.keys.filter(\.decidesNumbers)) { $0.numbers(of: $1) }
  }

  /// Some keys without the later ones that say what the first release did.
  private func brief(_ keys: [Key], read: (RunConfiguration, Key) -> String) -> String {
    let standard = RunConfiguration()
    let saying = keys.filter { !$0.isLater || read(self, $0) != read(standard, $0) }
    return yaml(of: saying) { read(self, $0) }
  }

  private func numbers(of key: Key) -> String { key.readNumbers?(self) ?? key.read(self) }

  private func yaml(of keys: [Key], read: (Key) -> String) -> String {
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
      let value = read(key)
      let text =
        key.writeNode != nil
        ? value : Self.block(value, indent: indent + "  ") ?? Self.scalar(value)
      lines.append("\(indent)\(parts[parts.count - 1]): \(text)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Lines as a block; nil for what a block would change.
  private static func block(_ text: String, indent: String) -> String? {
    guard text.hasSuffix("\n") else { return nil }
    let lines = text.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
    let isPlain = lines.allSatisfy { line in
      line.first.map { $0 != " " } ?? false
        && line.unicodeScalars.allSatisfy {
          $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value)
            && ![0x2028, 0x2029, 0xfeff].contains($0.value)
        }
    }
    return isPlain ? "|\n" + lines.map { indent + $0 }.joined(separator: "\n") : nil
  }

  /// The text as one YAML value: in quotes where it would be read as something else.
  static func scalar(_ text: String) -> String {
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
    Self.keys.filter { key in
      key.decidesNumbers && numbers(of: key) != other.numbers(of: key)
        && !(key.path == "task.train_prompts"
          && promptIdentity(\.trainPrompts) == other.promptIdentity(\.trainPrompts))
    }.map { key in
      let isList = [key.read(self), key.read(other)].contains {
        $0.contains("\n") || PromptList.digest(namedBy: $0) != nil
      }
      if key.path == "model.contract" { return "model.program (another model)" }
      return isList
        ? "\(key.path) (other prompts)" : "\(key.path) (\(key.read(other)) → \(key.read(self)))"
    }
  }
}
