package import Transport

/// What a learner needs to let in whom it knows and nobody else.
package struct LearnerKeys: Sendable {
  package let pair: KeyPair
  /// The path of its own key, which may be replaced while it runs.
  package let path: String
  /// The path of the list; it is read again for everyone who comes.
  package let allowed: String

  /// - Throws: `KeyError` if the key or the list cannot be used.
  package init(_ folder: KeyFolder) throws(KeyError) {
    path = folder.learner
    pair = try KeyFile(reading: path, as: .learner).key
    allowed = folder.allowed
    _ = try AllowedKeys(reading: allowed)
  }
}
