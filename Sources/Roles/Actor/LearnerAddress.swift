package import Ledger
import Records
package import Transport

/// Where a learner is to be found, and how to know it.
package struct LearnerAddress: Sendable {
  package var endpoint: EndpointAddress
  /// Of the several places that the endpoint's name stands for, the one to connect to.
  package var place: EndpointAddress?
  /// The actor's key and the learner's; nil to connect in plaintext.
  package var key: KeyFile?
  /// The learner's key to insist on, of those that the key file names.
  package private(set) var learner: PublicKey?
  /// The run that must be there; nil for whichever it is.
  package var runID: String?
  /// Whether somebody gave it by hand. Otherwise it comes from a run folder, and a learner that is
  /// not the right one means that the folder will soon say something else.
  package var isFinal: Bool

  package init(endpoint: EndpointAddress, key: KeyFile?, runID: String?, isFinal: Bool) {
    self.endpoint = endpoint
    self.key = key
    learner = key?.learner
    self.runID = runID
    self.isFinal = isFinal
  }

  /// What the run folder says now.
  package init(in folder: RunFolder) throws {
    let listening = try RunFolder.read(Endpoint.self, from: folder.endpoint)
    guard let endpoint = EndpointAddress(listening.endpoint) else {
      throw RunFailure(.usage, "\(folder.endpoint) names no endpoint: \(listening.endpoint)")
    }
    let key =
      listening.isEncrypted == true ? try KeyFile(reading: folder.localKey, as: .actor) : nil
    let runID = try RunFolder.read(RunIdentity.self, from: folder.identity).runID
    self.init(endpoint: endpoint, key: key, runID: runID, isFinal: false)
  }

  var security: SocketSecurity {
    guard let key, let learner else { return .plaintext }
    return .client(key.key, server: learner)
  }

  /// The endpoint as its user wrote it, and the place behind the name where there are several.
  package var words: String {
    guard let place, case .tcp(let host, _) = place.transport else { return "\(endpoint)" }
    return "\(endpoint) (\(host))"
  }

  /// Insists on the key that is to follow the learner's where the latter is in `distrusted`.
  ///
  /// - Returns: false where the file names no key that is left.
  package mutating func choose(without distrusted: Set<PublicKey>) -> Bool {
    learner = [key?.learner, key?.next].compactMap { $0 }.first { !distrusted.contains($0) }
    return learner != nil
  }
}
