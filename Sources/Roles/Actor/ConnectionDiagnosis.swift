package import Records
package import Transport

/// What the events of one connection mean to the person who started the actor.
package struct ConnectionDiagnosis: Sendable {
  private enum Reached {
    case nothing
    case peer
    case learner
  }

  /// A learner that is going down, or a busy one, breaks off a handshake or two.
  private static let patience = 5

  private let address: LearnerAddress
  private let time: @Sendable () -> WallTime
  private var reached = Reached.nothing
  private var brokenHandshakes = 0

  package init(_ address: LearnerAddress, time: @escaping @Sendable () -> WallTime = { .now }) {
    self.address = address
    self.time = time
  }

  /// The key that what listens there does not seem to have.
  package var learnerNotMet: PublicKey? {
    brokenHandshakes >= Self.patience ? address.learner : nil
  }

  /// - Returns: why this actor will never get in like this; nil as long as it may.
  package mutating func saw(_ event: ConnectionEvent) -> RunFailure? {
    let endpoint = address.words
    switch event {
    case .connected: reached = .peer
    case .handshakeSucceeded:
      reached = .learner
      brokenHandshakes = 0
    // libzmq says that it tries again after a broken handshake, too.
    case .notConnected, .disconnected: break
    case .refused:
      let key = address.key.map { "\($0.key.publicKey)" } ?? "?"
      return RunFailure(
        .notAuthorised,
        "the learner at \(endpoint) does not let this actor's key in: it is not in the learner's list, or has"
          + " ended there\(end); where the learner runs, make one that it knows with `tributary keys add NAME`,"
          + " or put into its list of allowed keys the line: actor NAME \(key)")
    case .mechanismsDiffer:
      return RunFailure(
        .notAuthorised,
        address.key == nil
          ? "the learner at \(endpoint) accepts only actors with a key; give this one a key that"
            + " was made with the learner's: --key FILE"
          : "the learner at \(endpoint) does not encrypt, and an actor with a key insists on it;"
            + " start the learner with --keys, or leave --key out if you trust the network")
    case .handshakeFailed:
      reached = .peer
      brokenHandshakes += 1
      guard let learner = learnerNotMet else { return nil }
      return RunFailure(
        .notAuthorised,
        // Which of the two it is depends on who notices first.
        "\(endpoint) broke off \(brokenHandshakes) encrypted handshakes: what listens there does not"
          + " encrypt, or does not have the key \(learner) that this actor's key file trusts; check"
          + " the address and the learner's --keys, or get a key file that was made with them")
    }
    return nil
  }

  /// What the key's file says of its end.
  private var end: String {
    guard let expires = address.key?.expires else { return "" }
    return " (its file says that it ends at \(expires), and this machine's clock says \(time()))"
  }

  /// Why nobody has said anything, for a log and for the end of all patience.
  package var silence: String {
    switch reached {
    case .nothing:
      "nothing answers at \(address.words); is the learner running, and is the address right?"
    case .peer:
      "what listens at \(address.words) does not greet like a learner; is the address right?"
    case .learner: "no word from the learner at \(address.words)"
    }
  }
}
