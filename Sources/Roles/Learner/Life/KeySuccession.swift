import Ledger
import Synchronization
import Transport

/// Notices that a learner's key file holds another key than the one in use.
final class KeySuccession: Sendable {
  private let path: String
  private let state: Mutex<(key: PublicKey, fault: KeyError?)>
  private let notice: @Sendable (String) -> Void
  private let announce: @Sendable (PublicKey) throws(KeyError) -> Void

  /// - Parameter announce: tells the run folder's own actors of a new key.
  init(
    _ keys: LearnerKeys, notice: @escaping @Sendable (String) -> Void,
    announce: @escaping @Sendable (PublicKey) throws(KeyError) -> Void
  ) {
    path = keys.path
    state = Mutex((keys.pair.publicKey, nil))
    self.notice = notice
    self.announce = announce
  }

  /// The key, where it is another one than before; nil also while the file cannot be used, which is said once.
  func newKey() -> KeyPair? {
    state.withLock { state -> KeyPair? in
      do throws(KeyError) {
        let found = try KeyFile(reading: path, as: .learner).key
        state.fault = nil
        guard found.publicKey != state.key else { return nil }
        try announce(found.publicKey)
        state.key = found.publicKey
        notice(
          "the learner's key is \(found.publicKey) from now on; sessions go on, and whoever connects needs a"
            + " key file that names it")
        return found
      } catch {
        if state.fault != error {
          notice("! \(error); the learner's key stays the one that was read before")
        }
        state.fault = error
        return nil
      }
    }
  }
}
