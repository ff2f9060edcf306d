import Bytes
import Foundation
import Records
package import Transport

/// A learner's keys: its own, the list of who may join, and what `keys` made for the others.
package struct KeyFolder: Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  package var learner: String { "\(path)/learner.key" }
  /// The key that is to follow the learner's; no name of an actor leads to this file.
  package var next: String { "\(path)/learner.next" }
  package var allowed: String { "\(path)/allowed" }
  package func member(_ name: String) -> String { "\(path)/\(name).key" }

  package var exists: Bool { Self.isThere(learner) }

  static func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  /// Makes the learner's key and one actor's, and allows the latter.
  ///
  /// - Parameter expires: when the actor's key ends.
  package func create(actor name: String, expires: WallTime? = nil) throws {
    guard !exists else {
      throw RunFailure(
        .usage,
        "\(learner) exists, and a new one would lock out everyone who has a key for it; for one more"
          + " actor: tributary keys add NAME \(path.shellWord)")
    }
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw RunFailure(.disk, "cannot make \(path): \(error.localizedDescription)")
    }
    try KeyFile(role: .learner, name: "learner", key: KeyPair()).write(to: learner)
    try add(.actor, name, expires: expires)
  }

  /// Makes one more key for an actor or a relay, and allows it.
  package func add(_ role: KeyFile.Role, _ name: String, expires: WallTime? = nil) throws {
    guard KeyFile.isName(name), member(name) != learner else {
      throw RunFailure(
        .usage,
        "\(role.article) key cannot be called \(name); use up to \(KeyFile.nameBytes) letters, digits,"
          + " dots, dashes and underscores, and not learner")
    }
    guard exists else { throw KeyError.missing(path: learner) }
    // Two who change the list at the same time would lose one's line.
    let lock = try KeyFolderLock(path)
    defer { withExtendedLifetime(lock) {} }
    let own = try KeyFile(reading: learner, as: .learner)
    let following = Self.isThere(next) ? try KeyFile(reading: next, as: .learner) : nil
    guard !Self.isThere(member(name)) else {
      throw RunFailure(.usage, "\(member(name)) exists; choose another name")
    }
    let key = KeyPair()
    let list = try AllowedKeys.text(
      of: allowed,
      adding: AllowedKeys.Entry(role: role, name: name, key: key.publicKey, expires: expires))
    try KeyFile(
      role: role, name: name, key: key, learner: own.key.publicKey, next: following?.key.publicKey,
      expires: expires
    ).write(to: member(name))
    do {
      try AtomicFile.write(list, to: allowed)
    } catch {
      // A key that nobody knows would only be in the way of the next attempt.
      try? FileManager.default.removeItem(atPath: member(name))
      throw error
    }
  }

  /// Takes a key out of the list. Its file here is good for nothing then, and goes.
  package func revoke(_ name: String) throws {
    guard Self.isThere(allowed) else { throw KeyError.missing(path: allowed) }
    let lock = try KeyFolderLock(path)
    defer { withExtendedLifetime(lock) {} }
    guard let list = try AllowedKeys.text(of: allowed, removing: name) else {
      let names = try AllowedKeys(reading: allowed).entries.values.map(\.name).sorted()
      throw RunFailure(
        .usage,
        "\(allowed) has no key called \(name); it has "
          + (names.isEmpty ? "none" : names.prefix(20).joined(separator: ", "))
          + (names.count > 20 ? " and \(names.count - 20) more" : ""))
    }
    try AtomicFile.write(list, to: allowed)
    if KeyFile.isName(name), member(name) != learner {
      try? FileManager.default.removeItem(atPath: member(name))
    }
  }
}

extension KeyFile.Role {
  fileprivate var article: String {
    switch self {
    case .learner: "a learner's"
    case .actor: "an actor's"
    case .relay: "a relay's"
    }
  }
}
