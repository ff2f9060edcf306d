package import Records
package import Wire

/// How often an actor speaks, and how long a silence it bears: as its learner says.
package struct SessionTiming: Hashable, Sendable {
  package let heartbeat: Duration
  package let liveness: Duration

  /// Before any learner has said a word.
  package static let greeting = SessionTiming(heartbeat: .seconds(1), liveness: .seconds(5))

  private init(heartbeat: Duration, liveness: Duration) {
    self.heartbeat = heartbeat
    self.liveness = liveness
  }

  /// The same for an actor that does without a learner for so long: it bears no longer silence, unless
  /// that is shorter than ``greeting``'s, and speaks often enough to hear an answer in between.
  package func bounded(by patience: Duration) -> SessionTiming {
    let liveness = min(liveness, max(patience, Self.greeting.liveness))
    return SessionTiming(heartbeat: min(heartbeat, liveness / 2), liveness: liveness)
  }

  /// - Throws: `incompatible` for values that no session can be kept with.
  package init(_ welcome: Welcome) throws(RunFailure) {
    let (heartbeat, liveness) = (welcome.heartbeatMilliseconds, welcome.livenessMilliseconds)
    guard (20...600_000).contains(heartbeat), (2 * heartbeat...3_600_000).contains(liveness) else {
      throw RunFailure(
        .incompatible,
        "the learner asks for a heartbeat every \(heartbeat) ms and for patience of \(liveness) ms;"
          + " a heartbeat takes 20 ms to ten minutes, patience twice that to an hour")
    }
    self.init(heartbeat: .milliseconds(heartbeat), liveness: .milliseconds(liveness))
  }
}
