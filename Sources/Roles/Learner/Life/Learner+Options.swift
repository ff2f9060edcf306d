import Journal
package import Ledger
package import Transport

extension Learner {
  /// How a learner is started; what it trains is the recipe's.
  package struct Options: Sendable {
    package var listen = "tcp://127.0.0.1:*"
    /// Who may join; nil for anyone who can reach the endpoint.
    package var keys: LearnerKeys?
    /// Stop after this many updates, counted from the start of the run.
    package var updates: UInt64
    /// Stop after this many minutes of this life.
    package var minutes: Double?
    package var checkpointInterval: UInt64 = 10
    /// The share of units that two actors compute.
    package var auditShare = 0.0
    package var retention = Checkpoint.Retention()
    /// Updates that stay in the journal, whole files alone; nil for all.
    package var journalKept: UInt64?
    /// Bytes of one file of the journal.
    package var segmentLimit = JournalWriter.usualSegmentLimit
    /// Failures of rewards in a row that pause the run.
    package var rewardPatience = 5
    /// Seconds after which a run that is paused saves and ends; nil for never.
    package var longestPause: Double?
    /// Seconds between two words about one wait.
    package var noticeInterval = 60.0
    /// What TensorBoard shows of the run beside its numbers.
    package var about = RunRecord.About()
    /// Where every lease, result and session is written down; nil for nowhere.
    package var trace: TraceFile?
    /// Called several times a second, as long as actors are answered.
    package var alive: @Sendable () -> Void = {}
    /// Where those who watch are answered by HTTP, beside the socket of the run folder; nil for nowhere.
    package var metrics: EndpointAddress?
    /// What this program is called to those who watch.
    package var release = ""
    /// Sends the actors home also where the run is to go on later; else they wait for the next life.
    package var drains = false

    package init(updates: UInt64) { self.updates = updates }

    /// The same, with the exchange's signs of life told to the desk, too.
    func watched(by desk: StatusDesk) -> Options {
      var options = self
      options.alive = { [alive] in
        desk.exchangeIsAlive()
        alive()
      }
      return options
    }
  }
}
