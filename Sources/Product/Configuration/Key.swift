import Rewards
import Yams

/// One setting: its place in the YAML file, its meaning, and how text becomes its value.
package struct Key: Sendable {
  /// The dotted path, such as `loss.kl.beta`.
  package let path: String
  package let meaning: String
  /// Whether it decides numbers, or the bytes in which units are sent; two processes of a run must agree on
  /// those that do.
  package let decidesNumbers: Bool
  /// Which values it takes.
  package let kind: Kind
  /// Whether runs of an earlier release have no such key. Its default is what they did, and only
  /// another value takes part in comparisons.
  package private(set) var isLater = false
  let write: @Sendable (inout RunConfiguration, String) throws(InvalidValue) -> Void
  let value: @Sendable (RunConfiguration) -> any Sendable
  /// What of the value decides numbers, where that is not all of it.
  var readNumbers: (@Sendable (RunConfiguration) -> String)?
  /// Reads a value that is more than one scalar; `place` says where a node stands.
  var writeNode:
    (@Sendable (inout RunConfiguration, Node, (Node) -> String) throws(ConfigurationError) -> Void)?

  /// The values that a key takes, for sentences and for the schema.
  package enum Kind: Sendable {
    case integer(ClosedRange<Int>)
    case seed
    case number(ClosedRange<Double>)
    case choice([String])
    case text
    /// Values with commas between them; a file may also have them as a list.
    case list
    case flag
    /// See ``RewardSetting``.
    case rewards

    package var allowed: String {
      switch self {
      case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
      case .seed: "a whole number from 0 to \(UInt64.max)"
      case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
      case .choice(let choices): choices.joined(separator: ", ")
      case .text: "text"
      case .list: "values with commas between them, or a list"
      case .flag: "true or false"
      case .rewards: "a reward or a list of up to 16"
      }
    }
  }

  /// The value as a file has it.
  func read(_ configuration: RunConfiguration) -> String { "\(value(configuration))" }

  struct InvalidValue: Error {
    /// What is allowed, for the error's sentence.
    var allowed: String
  }

  /// A key that the first release did not have.
  static func later(_ key: Key) -> Key {
    var key = key
    key.isLater = true
    return key
  }

  static func integer(
    _ path: String, _ field: any (WritableKeyPath<RunConfiguration, Int> & Sendable),
    _ range: ClosedRange<Int>, decidesNumbers: Bool = true, _ meaning: String
  ) -> Key {
    Key(
      path: path, meaning: meaning, decidesNumbers: decidesNumbers, kind: .integer(range),
      write: { (configuration, text) throws(InvalidValue) in
        guard let value = Int(text), range.contains(value) else {
          throw InvalidValue(allowed: Kind.integer(range).allowed)
        }
        configuration[keyPath: field] = value
      }, value: { $0[keyPath: field] })
  }

  static func number(
    _ path: String, _ field: any (WritableKeyPath<RunConfiguration, Double> & Sendable),
    _ range: ClosedRange<Double>, decidesNumbers: Bool = true, _ meaning: String
  ) -> Key {
    Key(
      path: path, meaning: meaning, decidesNumbers: decidesNumbers, kind: .number(range),
      write: { (configuration, text) throws(InvalidValue) in
        guard let value = Double(text), range.contains(value) else {
          throw InvalidValue(allowed: Kind.number(range).allowed)
        }
        configuration[keyPath: field] = value
      }, value: { $0[keyPath: field] })
  }

  /// The raw values are what files say.
  static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
    _ path: String, _ field: any (WritableKeyPath<RunConfiguration, Choice> & Sendable),
    decidesNumbers: Bool = true, _ meaning: String
  ) -> Key {
    let kind = Kind.choice(Choice.allCases.map(\.rawValue))
    return Key(
      path: path, meaning: meaning, decidesNumbers: decidesNumbers, kind: kind,
      write: { (configuration, text) throws(InvalidValue) in
        guard let value = Choice(rawValue: text) else { throw InvalidValue(allowed: kind.allowed) }
        configuration[keyPath: field] = value
      }, value: { $0[keyPath: field].rawValue })
  }

  static func text(
    _ path: String, _ field: any (WritableKeyPath<RunConfiguration, String> & Sendable),
    decidesNumbers: Bool = true, kind: Kind = .text, _ meaning: String
  ) -> Key {
    Key(
      path: path, meaning: meaning, decidesNumbers: decidesNumbers, kind: kind,
      write: { (configuration, text) throws(InvalidValue) in configuration[keyPath: field] = text },
      value: { $0[keyPath: field] })
  }

  static func list(
    _ path: String, _ field: any (WritableKeyPath<RunConfiguration, String> & Sendable),
    _ meaning: String
  ) -> Key {
    text(path, field, kind: .list, meaning)
  }

  static func flag(
    _ path: String, _ field: any (WritableKeyPath<RunConfiguration, Bool> & Sendable),
    decidesNumbers: Bool = true, _ meaning: String
  ) -> Key {
    Key(
      path: path, meaning: meaning, decidesNumbers: decidesNumbers, kind: .flag,
      write: { (configuration, text) throws(InvalidValue) in
        guard let value = Bool(text) else { throw InvalidValue(allowed: Kind.flag.allowed) }
        configuration[keyPath: field] = value
      }, value: { $0[keyPath: field] })
  }

  static let rewards = Key(
    path: "reward.train",
    meaning:
      "What scores branches: judge, strict, a program, a URL, or a list of {name, weight, …}.",
    decidesNumbers: true, kind: .rewards,
    write: { (_, _) throws(InvalidValue) in throw InvalidValue(allowed: "YAML") },
    value: { configuration in
      let entries = configuration.scoring.rewards.map(\.yaml)
      let isOneWord = entries.count == 1 && !entries[0].hasPrefix("{")
      return isOneWord ? entries[0] : "[\(entries.joined(separator: ", "))]"
    },
    readNumbers: { $0.scoring.rewards.map(\.numericalYAML).joined(separator: ", ") },
    writeNode: { (configuration, node, place) throws(ConfigurationError) in
      let isList = if case .sequence = node { true } else { false }
      var rewards: [RewardSetting] = []
      for (index, entry) in (node.sequence.map(Array.init) ?? [node]).enumerated() {
        rewards.append(
          try RewardSetting(
            entry, path: isList ? "reward.train[\(index)]" : "reward.train", place: place))
      }
      let names = rewards.map(\.source.name)
      guard (1...16).contains(rewards.count), Set(names).count == names.count else {
        throw .invalidValue(
          "reward.train", value: names.joined(separator: ", "),
          allowed: "1 to 16 rewards of different names", place: place(node))
      }
      configuration.scoring.rewards = rewards
    })

  static let seed = Key(
    path: "seed", meaning: "The run seed: every random draw's key.", decidesNumbers: true,
    kind: .seed,
    write: { (configuration, text) throws(InvalidValue) in
      guard let value = UInt64(text) else { throw InvalidValue(allowed: Kind.seed.allowed) }
      configuration.seed = value
    }, value: { $0.seed })
}
