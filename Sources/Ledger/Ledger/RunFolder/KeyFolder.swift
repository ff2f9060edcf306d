import Bytes
import Foundation
import Records
package import Transport

/// A learner's keys: its own, the list of who may join, and what `keys` made for the others.
package struct KeyFolder: Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  package var learner: String { "\(path)/learner.key" }
  package var allowed: String { "\(path)/allowed" }
  package func actor(_ name: String) -> String { "\(path)/\(name).key" }

  package var exists: Bool { FileManager.default.fileExists(atPath: learner) }

  /// Makes the learner's key and one actor's, and allows the latter.
  package func create(actor name: String) throws {
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
    try add(actor: name)
  }

  /// Makes a key for one more actor, and allows it.
  package func add(actor name: String) throws {
    guard KeyFile.isName(name), actor(name) != learner else {
      throw RunFailure(
        .usage,
        "an actor's key cannot be called \(name); use up to \(KeyFile.nameBytes) letters, digits,"
          + " dots, dashes and underscores, and not learner")
    }
    let own = try KeyFile(reading: learner, as: .learner)
    // Two who add at the same time would lose one's line.
    let lock = try ListLock(path)
    defer { withExtendedLifetime(lock) {} }
    guard !FileManager.default.fileExists(atPath: actor(name)) else {
      throw RunFailure(.usage, "\(actor(name)) exists; choose another name")
    }
    let key = KeyPair()
    let list = try AllowedKeys.text(
      of: allowed, adding: AllowedKeys.Entry(role: .actor, name: name, key: key.publicKey))
    try KeyFile(role: .actor, name: name, key: key, learner: own.key.publicKey)
      .write(to: actor(name))
    do {
      try AtomicFile.write(list, to: allowed)
    } catch {
      // A key that nobody knows would only be in the way of the next attempt.
      try? FileManager.default.removeItem(atPath: actor(name))
      throw error
    }
  }
}

/// The right to change a folder's list, until this object goes.
private final class ListLock {
  private let lock: ExclusiveLock

  package init(_ path: String) throws(RunFailure) {
    do {
      lock = try ExclusiveLock(path: "\(path)/.lock", waits: true)
    } catch {
      throw RunFailure(.disk, "cannot change the list of \(path): \(error)")
    }
  }
}

/// What a learner needs to let in whom it knows and nobody else.
package struct LearnerKeys: Sendable {
  package let pair: KeyPair
  /// The path of the list; it is read again for everyone who comes.
  package let allowed: String

  /// - Throws: `KeyError` if the key or the list cannot be used.
  package init(_ folder: KeyFolder) throws(KeyError) {
    pair = try KeyFile(reading: folder.learner, as: .learner).key
    allowed = folder.allowed
    _ = try AllowedKeys(reading: allowed)
  }
}
