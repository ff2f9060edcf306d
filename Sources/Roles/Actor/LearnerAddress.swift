package import Ledger
import Records
package import Transport

/// Where a learner is to be found, and how to know it.
package struct LearnerAddress: Sendable {
  package var endpoint: EndpointAddress
  /// The actor's key and the learner's; nil to connect in plaintext.
  package var key: KeyFile?
  /// The run that must be there; nil for whichever it is.
  package var runID: String?
  /// Whether somebody gave it by hand. Otherwise it comes from a run folder, and a learner that is
  /// not the right one means that the folder will soon say something else.
  package var isFinal: Bool

  package init(endpoint: EndpointAddress, key: KeyFile?, runID: String?, isFinal: Bool) {
    self.endpoint = endpoint
    self.key = key
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
    guard let key, let learner = key.learner else { return .plaintext }
    return .client(key.key, server: learner)
  }
}
