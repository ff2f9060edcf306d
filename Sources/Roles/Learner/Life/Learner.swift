package import Learning
package import Ledger
import Records
import Synchronization
import Transport

/// The learner of a run: opens or resumes the folder, takes in units from actors, updates, commits,
/// publishes and evaluates until the last update is done.
///
/// This thread computes, the exchange talks to actors, others check what comes, the journal writes. Receiving,
/// journalling and updating go on at the same time.
package final class Learner {
  private let recipe: Recipe
  private let claim: RunClaim
  private let terms: RunTerms
  private let options: Options
  private let report: @Sendable (Event) -> Void
  private let desk: StatusDesk
  private let inbox = Mailbox<Intake.Letter>()
  private let stopping = StopFlag()

  /// - Parameter epoch: this life's number, already stored in the run folder.
  package init(
    recipe: Recipe, folder: RunFolder, terms: RunTerms, epoch: UInt64, options: Options,
    report: @escaping @Sendable (Event) -> Void
  ) {
    self.recipe = recipe
    claim = RunClaim(folder: folder, epoch: epoch)
    self.terms = terms
    let desk = StatusDesk(of: claim, recipe: recipe, terms: terms, options: options)
    self.desk = desk
    self.options = options.watched(by: desk)
    self.report = { event in
      desk.observe(event)
      report(event)
    }
  }

  /// Asks the learner to save and stop; may be called from any thread.
  package var interrupter: @Sendable () -> Void {
    { [inbox, stopping] in
      // Whoever sees the flag finds the letter.
      inbox.post(.interrupt)
      stopping.isRaised.store(true, ordering: .releasing)
    }
  }

  /// Raised with the first wish to stop, for those who do not read letters while they wait.
  private final class StopFlag: Sendable {
    let isRaised = Atomic<Bool>(false)
  }

  /// Works on a run folder that has a checkpoint until the last update is done, or until it is asked to
  /// stop.
  ///
  /// - Throws: ``RunFailure`` where nothing more can be done; nothing acknowledged is lost.
  package func run() throws -> Summary {
    // From now on, because to resume may take long.
    try desk.open(metrics: options.metrics) { [report] in report(.notice($0)) }
    defer { desk.close() }
    let life = try LearnerLife(
      of: claim, recipe: recipe, terms: terms, options: options, desk: desk, inbox: inbox,
      isStopping: { [stopping] in stopping.isRaised.load(ordering: .acquiring) }, report: report)
    defer { life.close() }
    try life.listen()
    try life.evaluateMissed()
    while life.goesOn, let units = try life.collect() {
      guard try life.accepts(units) else { continue }
      let update = try life.advance(with: units.map(\.unit))
      try life.record(update)
      try life.saveIfDue()
      try life.evaluateIfDue()
    }
    return try life.finish()
  }
}
