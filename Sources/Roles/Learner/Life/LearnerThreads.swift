import Bytes
import Foundation
import Journal
import Learning
import Ledger
import Records
import Transport

/// The threads around the one that computes: the journal's, the exchange's, and that of whoever watches the
/// door.
final class LearnerThreads {
  let journal: JournalThread
  let exchange: Exchange
  private let claim: RunClaim
  private let recipe: Recipe
  private let inbox: Mailbox<Intake.Letter>
  private let door: Door?
  /// The key of actors on this machine.
  private let localKey: KeyPair
  /// What actors are told at the end.
  private var ending = Exchange.Order.leave("the learner failed")
  /// What was begun, and how it ends; the last one first.
  private var closings: [() -> Void] = []

  private typealias Door = (key: KeyPair, gatekeeper: Gatekeeper)

  /// Enough open files for any realistic number of actors.
  private static let usualFiles = 4_096

  /// Opens the journal as it was left.
  static func journal(
    of claim: RunClaim, terms: RunTerms, segmentLimit: UInt64, notice: (String) -> Void
  ) throws -> JournalThread {
    let (folder, epoch) = (claim.folder, claim.epoch)
    let journal = try JournalThread(
      directory: folder.journal, segmentLimit: segmentLimit,
      firstSegment: Checkpoint.versions(in: folder).last ?? 0 > 0 ? 1 : 0, epoch: epoch,
      header: { terms.header(epoch: epoch, segment: $0) }, mayWrite: claim.check)
    if let torn = journal.recovered {
      notice("journal: \(torn.byteCount) torn bytes were cut and saved as \(torn.path)")
    }
    return journal
  }

  /// Binds the endpoint; nobody is heard before ``start()``.
  init(
    journal: JournalThread, of claim: RunClaim, recipe: Recipe, terms: RunTerms,
    options: Learner.Options, after restored: ResumedRun, inbox: Mailbox<Intake.Letter>,
    notice: @escaping @Sendable (String) -> Void
  ) throws {
    self.journal = journal
    self.claim = claim
    self.recipe = recipe
    self.inbox = inbox
    let files = OpenFileLimit.raise()
    if files < Self.usualFiles {
      notice(
        "! this process may hold \(files) open files, and each connection takes three; raise it:"
          + " ulimit -n \(Self.usualFiles)")
    }
    let context = try Context()
    let local = KeyPair()
    let door: Door? = try options.keys.map { keys in
      (
        keys.pair,
        try Gatekeeper(
          path: keys.allowed, local: local.publicKey, context: context, time: { .now },
          notice: notice)
      )
    }
    self.door = door
    let succession = options.keys.map { keys in
      KeySuccession(keys, notice: notice) { (learner) throws(KeyError) in
        try Self.write(local, trusting: learner, in: claim.folder)
      }
    }
    localKey = local
    exchange = try Exchange(
      listen: options.listen, context: context, door: door, terms: terms, recipe: recipe,
      epoch: claim.epoch, committed: restored.core.policy.version, recent: restored.core.recent,
      durable: restored.durable.map(\.unit), lastUpdate: options.updates,
      rewardPatience: options.rewardPatience, auditShare: options.auditShare,
      callbacks: Exchange.Callbacks(
        chosen: { journal.submit(.unit($0)) }, doubted: { inbox.post(.doubted($0, $1)) },
        evaluated: { inbox.post(.evaluated($0)) },
        notice: notice, trouble: { inbox.post(.trouble($0)) },
        failed: { inbox.post(.failed($0)) }, checkOwner: claim.check, trace: options.trace,
        alive: options.alive, newKey: { succession?.newKey() }))
  }

  /// Leaves a key in the run folder for its own actors.
  private static func write(_ key: KeyPair, trusting learner: PublicKey, in folder: RunFolder)
    throws(KeyError)
  {
    try KeyFile(role: .actor, name: "local", key: key, learner: learner).write(to: folder.localKey)
  }

  /// Where actors find the learner.
  var endpoint: Endpoint {
    var endpoint = Endpoint(endpoint: exchange.endpoint, epoch: claim.epoch, pid: getpid())
    endpoint.isEncrypted = door != nil
    return endpoint
  }

  /// Begins to journal, to watch the door and to listen.
  ///
  /// - Throws: where a thread is refused or a key not written; ``stop()`` ends what was begun.
  func start() throws {
    let directory = claim.folder.journal
    try journal.start { [inbox, exchange, recipe] in
      Self.pass($0, to: inbox, and: exchange, recipe: recipe, journal: directory)
    }
    closings.append { [journal] in journal.stop() }
    if let door {
      try Self.write(localKey, trusting: door.key.publicKey, in: claim.folder)
      try door.gatekeeper.run(hosts: { [weak exchange] in exchange?.hostsOfNewcomers ?? [] })
      closings.append { door.gatekeeper.stop() }
    }
    try exchange.run()
    closings.append { [self] in
      exchange.send(ending)
      exchange.join()
    }
  }

  /// Says what actors are told at the end instead of that the learner has failed.
  func part(with ending: Exchange.Order) { self.ending = ending }

  /// Ends what was begun, and waits for it.
  func stop() {
    while let close = closings.popLast() { close() }
  }

  /// Takes back a unit that no update has used, in the journal and at the exchange, which leases it again.
  func void(_ durable: DurableUnit, because finding: String) {
    let unit = durable.unit
    journal.submit(
      .voided(
        VoidedUnit(unit: unit.unit, epoch: claim.epoch, digest: unit.digest, reason: finding)))
    exchange.send(.voided(unit.unit, because: finding))
  }

  /// What the journal did, to those who wait for it.
  private static func pass(
    _ event: JournalThread.Event, to inbox: Mailbox<Intake.Letter>, and exchange: Exchange,
    recipe: Recipe, journal directory: String
  ) {
    switch event {
    case .durable(let records):
      let now = ContinuousClock.now
      var units: [DurableUnit] = []
      for record in records {
        guard case .unit(let unit) = record.job else { continue }
        let (id, location) = (unit.unit, record.location)
        let waiting = unit.journalled(recipe) {
          try RecordedUnit.payload(of: id, at: location, in: directory)
        }
        units.append(DurableUnit(unit: waiting, location: location, since: now))
      }
      if !units.isEmpty {
        exchange.send(.durable(units.map(\.unit)))
        inbox.post(.durable(units))
      }
      for record in records {
        guard case .commit(let commit) = record.job else { continue }
        inbox.post(.committed(commit.update, at: record.location))
      }
    case .failed(let failure): inbox.post(.failed(failure))
    }
  }
}
