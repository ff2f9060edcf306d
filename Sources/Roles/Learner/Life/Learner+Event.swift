package import Learning
package import Ledger
package import Records
package import Telemetry

extension Learner {
  /// What the learner says while it works.
  package enum Event: Sendable {
    case listening(Endpoint)
    case resumed(version: UInt64, rerun: Int)
    case notice(String)
    case updated(version: UInt64, Update.Report, seconds: Double, learn: Double, wait: Double)
    /// The learner evaluates this version now, and trains nothing meanwhile.
    case evaluating(version: UInt64)
    case evaluated(version: UInt64, Evaluation)
    /// The work is over, for now or for good: actors of this machine end.
    case draining
    case saved(version: UInt64)
    case alarm(Alarm)
    /// Durable units of the open update.
    case progress(version: UInt64, units: Int, of: Int)
    /// What is waited for, and how long so far.
    case waiting(String)
  }

  /// What a life of a learner came to.
  package struct Summary: Sendable {
    package var version: UInt64
    package var paramsHash: String
    package var reward: Double
    /// Of the last version.
    package var evaluation: EvaluationRecord?
    package var seconds: Double
    /// Seconds: sample and judge are the actors', the others this process's.
    package var split: [(name: String, seconds: Double)]
    /// Messages of peers that were refused, by reason.
    package var refused: [String: Int]
    package var wasInterrupted: Bool
    /// Why the run ended before its last update although nobody asked, unless that is as planned.
    package var failure: RunFailure?
  }
}
