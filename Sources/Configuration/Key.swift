/// One setting: its place in the YAML file, its meaning, and how text becomes its value.
package struct Key: Sendable {
  /// The dotted path, such as `loss.kl.beta`.
  package let path: String
  package let meaning: String
  /// Whether it decides numbers; two processes of a run must agree on those that do.
  package let decidesNumbers: Bool
  let write: @Sendable (inout RunConfiguration, String) throws(InvalidValue) -> Void
  let read: @Sendable (RunConfiguration) -> String

  struct InvalidValue: Error {
    /// What is allowed, for the error's sentence.
    var allowed: String
  }

  static func integer(
    _ path: String, _ field: any (WritableKeyPath<RunConfiguration, Int> & Sendable),
    _ range: ClosedRange<Int>, decidesNumbers: Bool = true, _ meaning: String
  ) -> Key {
    Key(
      path: path, meaning: meaning, decidesNumbers: decidesNumbers,
      write: { (configuration, text) throws(InvalidValue) in
        guard let value = Int(text), range.contains(value) else {
          throw InvalidValue(
            allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        configuration[keyPath: field] = value
      }, read: { "\($0[keyPath: field])" })
  }

  static func number(
    _ path: String, _ field: any (WritableKeyPath<RunConfiguration, Double> & Sendable),
    _ range: ClosedRange<Double>, _ meaning: String
  ) -> Key {
    Key(
      path: path, meaning: meaning, decidesNumbers: true,
      write: { (configuration, text) throws(InvalidValue) in
        guard let value = Double(text), range.contains(value) else {
          throw InvalidValue(allowed: "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        configuration[keyPath: field] = value
      }, read: { "\($0[keyPath: field])" })
  }

  static func choice(
    _ path: String, _ field: any (WritableKeyPath<RunConfiguration, String> & Sendable),
    _ choices: [String], _ meaning: String
  ) -> Key {
    Key(
      path: path, meaning: meaning, decidesNumbers: true,
      write: { (configuration, text) throws(InvalidValue) in
        guard choices.contains(text) else {
          throw InvalidValue(allowed: choices.joined(separator: ", "))
        }
        configuration[keyPath: field] = text
      }, read: { $0[keyPath: field] })
  }

  static func text(
    _ path: String, _ field: any (WritableKeyPath<RunConfiguration, String> & Sendable),
    _ meaning: String
  ) -> Key {
    Key(
      path: path, meaning: meaning, decidesNumbers: true,
      write: { (configuration, text) throws(InvalidValue) in configuration[keyPath: field] = text },
      read: { $0[keyPath: field] })
  }

  static func flag(
    _ path: String, _ field: any (WritableKeyPath<RunConfiguration, Bool> & Sendable),
    _ meaning: String
  ) -> Key {
    Key(
      path: path, meaning: meaning, decidesNumbers: true,
      write: { (configuration, text) throws(InvalidValue) in
        guard let value = Bool(text) else { throw InvalidValue(allowed: "true or false") }
        configuration[keyPath: field] = value
      }, read: { "\($0[keyPath: field])" })
  }

  static let seed = Key(
    path: "seed", meaning: "The run seed: every random draw's key.", decidesNumbers: true,
    write: { (configuration, text) throws(InvalidValue) in
      guard let value = UInt64(text) else {
        throw InvalidValue(allowed: "a whole number from 0 to \(UInt64.max)")
      }
      configuration.seed = value
    }, read: { "\($0.seed)" })
}
