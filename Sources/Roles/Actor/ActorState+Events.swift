package import Flow
package import Learning
package import Records
import Rewards
import Tensor
package import Wire

/// What an actor is told, and what it wants done.
extension ActorState {
  /// A unit that was sampled and judged, as the learner is to hear of it.
  package struct Finished: Sendable {
    package let result: UnitResult
    package let payload: [UInt8]

    /// - Parameters: `sample` and `judge` are seconds.
    package init(_ payload: [UInt8], of lease: Lease, sample: Double = 0, judge: Double = 0) {
      self.payload = payload
      result = UnitResult(
        unit: lease.unit, attempt: lease.attempt, version: lease.version,
        paramsHash: lease.paramsHash, digest: Digest(of: payload),
        byteCount: UInt32(payload.count), sampleMicroseconds: UInt64(sample * 1e6),
        judgeMicroseconds: UInt64(judge * 1e6))
    }
  }

  /// What happens.
  package enum Event {
    /// There is a new connection: what was asked for on the old one is not coming.
    case connected
    /// The learner said something in this session.
    case message(Envelope, payload: [UInt8])
    /// The answer to ``Action/prepare(_:lists:)``.
    case prepared(ActorProcess.Preparation)
    case finished(Finished)
    /// A unit was sampled and not judged; `isStopping` if this actor ends.
    case failed(Lease, UnitFailure, isStopping: Bool)
    /// The answer to ``Action/withdraw(_:because:)``: those of the units that were not begun.
    case withdrawn(Set<UnitID>, of: Set<UnitID>, because: String)
    /// The actor is to end.
    case stop
    /// Leases may have run out.
    case leasesAge
    /// Time passes; `isSilent` if nothing comes from the learner.
    case time(Work, isSilent: Bool)
  }

  /// How the arithmetic stands.
  package struct Work: Sendable {
    /// Grows while there is progress.
    package var progress: UInt64
    /// The reward whose answer is awaited, in words.
    package var awaited: String?

    package init(progress: UInt64, awaited: String?) {
      self.progress = progress
      self.awaited = awaited
    }
  }

  /// What is to be done.
  package enum Action {
    /// Without waiting: what is not sent now is sent again after the next hello.
    case send(Message, payload: [UInt8]?)
    /// The session is open.
    case open(Envelope, SessionTiming)
    /// Make a recipe of the configuration, however long that takes, and answer with ``Event/prepared(_:)``.
    case prepare(Welcome, lists: [Digest: [UInt8]])
    case compute(Lease, ParameterSet)
    /// Take back what is not begun, and answer with ``Event/withdrawn(_:of:because:)``.
    case withdraw(Set<UnitID>, because: String)
    case log(String)
    /// The connection has to be made again.
    case reconnect(because: String)
    /// The actor ends.
    case fail(RunFailure)
    /// The actor ends where its user named the learner; a run folder may name another one soon.
    case giveUp(RunFailure)
    case end
  }
}
