import Bytes
import Records
package import Transport

/// The learner's key is replaced in two steps: the next one is announced to whoever has a key file, and then it counts.
extension KeyFolder {
  /// What a step of a rotation has done.
  package struct Rotation: Sendable {
    /// The learner's next public key, or the one that counts from now on.
    package var key: PublicKey
    /// The key files here that name it now.
    package var renewed: [String] = []
  }

  /// Makes the learner's next key, if there is none yet, and names it in the key files that are here.
  package func announceNext() throws -> Rotation {
    guard exists else { throw KeyError.missing(path: learner) }
    let lock = try KeyFolderLock(path)
    defer { withExtendedLifetime(lock) {} }
    let own = try KeyFile(reading: learner, as: .learner)
    let following = try nextKey()
    return Rotation(
      key: following.key.publicKey,
      renewed: try renew { file in
        guard file.learner == own.key.publicKey else { return false }
        file.next = following.key.publicKey
        return true
      })
  }

  /// Puts the next key, announced or not, in the place of the learner's, and names it alone in the key files here.
  package func useNext() throws -> Rotation {
    guard exists else { throw KeyError.missing(path: learner) }
    let lock = try KeyFolderLock(path)
    defer { withExtendedLifetime(lock) {} }
    let own = try KeyFile(reading: learner, as: .learner)
    let following = try nextKey()
    try Directory.move(next, to: learner)
    return Rotation(
      key: following.key.publicKey,
      renewed: try renew { file in
        guard file.learner == own.key.publicKey else { return false }
        (file.learner, file.next) = (following.key.publicKey, nil)
        return true
      })
  }

  private func nextKey() throws -> KeyFile {
    if Self.isThere(next) { return try KeyFile(reading: next, as: .learner) }
    let file = KeyFile(role: .learner, name: "learner", key: KeyPair())
    try file.write(to: next)
    return file
  }

  /// Rewrites the key files here that `change` changes; what is no key file is not touched.
  private func renew(_ change: (inout KeyFile) -> Bool) throws -> [String] {
    var renewed: [String] = []
    for name in try Directory.names(in: path).sorted() where name.hasSuffix(".key") {
      let file = "\(path)/\(name)"
      for role in [KeyFile.Role.actor, .relay] {
        guard var key = try? KeyFile(reading: file, as: role), change(&key) else { continue }
        try key.write(to: file)
        renewed.append(file)
      }
    }
    return renewed
  }
}

/// The right to change what is in a folder of keys, until this object goes.
final class KeyFolderLock {
  private let lock: ExclusiveLock

  init(_ path: String) throws(RunFailure) {
    do {
      lock = try ExclusiveLock(path: "\(path)/.lock", waits: true)
    } catch {
      throw RunFailure(.disk, "cannot change the keys in \(path): \(error)")
    }
  }
}
