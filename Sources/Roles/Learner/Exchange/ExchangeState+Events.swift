package import Learning
package import Ledger
package import Records
package import Transport
package import Wire

/// What an exchange is told, and what it wants done.
extension ExchangeState {
  /// Where a message came from.
  package struct Sender: Sendable {
    package var route: [UInt8]
    /// The key that its sender has shown; nil where nobody is asked for one.
    package var key: PublicKey?
    /// nil once the connection is closed.
    package var peer: Reception.PeerID?

    package init(route: [UInt8], key: PublicKey?, peer: Reception.PeerID?) {
      self.route = route
      self.key = key
      self.peer = peer
    }
  }

  /// What one must look up about somebody who says hello.
  package struct Introduction: Sendable {
    /// Whether its key is in the list, or nobody asks for keys.
    package var isAllowed: Bool
    /// The key by which it answers for what it sends; nil where it shows none, or one that many share.
    package var ownKey: PublicKey?
    /// What the list calls its key.
    package var keyName: String?
    package var host: String
    /// A number for its session that nobody can guess.
    package var session: UInt64

    package init(
      isAllowed: Bool, ownKey: PublicKey?, keyName: String?, host: String, session: UInt64
    ) {
      self.isAllowed = isAllowed
      self.ownKey = ownKey
      self.keyName = keyName
      self.host = host
      self.session = session
    }
  }

  /// What happens.
  package enum Event {
    case message(Envelope, payload: [UInt8], from: Sender)
    /// Bytes that are no message of this protocol.
    case unreadable(WireError, route: [UInt8])
    /// Something else that came is refused, for this reason.
    case refused(String)
    /// The answer to ``Action/introduce(_:_:mayBeLater:)``.
    case introduced(Hello, Sender, Introduction)
    case order(Exchange.Order)
    case verdict(AdmissionThreads.Candidate, AdmissionThreads.Verdict)
    /// The peer's connection has taken an answer, or is gone with it.
    case taken(Reception.PeerID)
    /// The session's connection is closed, and what it had sent was told.
    case closed(UInt64)
    /// The answer to ``Action/readList(_:)``: whose keys are good no longer and why, or why it cannot be read.
    case listRead(Result<[PublicKey: String], KeyError>)
    /// Time passes.
    case time
  }

  package struct Outgoing {
    package var message: Message
    package var payload: [UInt8]?
    package var route: [UInt8]
    /// 0 for none.
    package var session: UInt64
    package var sequence: UInt64
    /// Who is to be told of with ``Event/taken(_:)`` once it is sent or lost.
    package var releases: Reception.PeerID?
  }

  /// What is to be done.
  package enum Action {
    /// Without waiting: heartbeats rebuild leases, and actors ask again for what they miss.
    case send(Outgoing)
    /// Look up who says hello, and answer with ``Event/introduced(_:_:_:)`` at once; `mayBeLater` if the
    /// run may have a newer learner, which the run folder knows.
    case introduce(Hello, Sender, mayBeLater: Bool)
    case readList(Set<PublicKey>)
    case check(AdmissionThreads.Candidate)
    /// The peer is one of ours.
    case welcome(Reception.PeerID)
    /// A peer that is welcome has done work.
    case proven(Reception.PeerID)
    case dismiss(Reception.PeerID)
    /// The unit's result that counts, which is to be journalled.
    case chosen(AdmittedUnit)
    /// A unit that was chosen deviates, one clause says how.
    case doubted(AdmittedUnit, String)
    /// The part's result that counts, which is to be written down.
    case evaluated(EvaluatedPart)
    case notice(String)
    case trouble(RunTrouble)
    case failed(RunFailure)
    case trace(TraceLine.Event, actor: String, unit: UnitID?, attempt: UInt32?)
    /// Tell how it stands.
    case describe(@Sendable (RunStatus.Exchange) -> Void)
    /// It is over: as it should be, or because of a failure.
    case end(RunFailure?)
  }

  /// What others may know at any time.
  package struct Figures: Sendable {
    package var presence = Exchange.Presence()
    package var refusals = RefusalTally()
    /// What results say that they cost, in seconds.
    package var (sample, judge) = (0.0, 0.0)
    /// Units that came twice with equal bytes, whether audited or computed again.
    package var compared = 0
    /// Results that count: units and parts of evaluations.
    package var counted = 0
    /// Results that are not what their parameters make, or not what another actor made of the same unit.
    package var nondeterministic = 0
    package var leases = RunStatus.Leases()
  }
}
