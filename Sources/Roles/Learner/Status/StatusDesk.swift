import Bytes
import Flow
import Foundation
import Learning
import Ledger
import Network
import Records
import Synchronization
import Tasks
import Telemetry
import Transport

/// Where a life of a learner is watched: keeps what it says of itself, and answers who asks, at a socket in the run folder
/// and, if wanted, by HTTP.
///
/// The threads that work note what they have at hand, and wait for nobody here; the exchange is asked for its sessions
/// by its mailbox, a few times a second at most.
final class StatusDesk: Sendable {
  /// What begins to exist while the run is resumed.
  struct Sources: Sendable {
    var exchange: Exchange
    var journal: JournalThread
  }

  private struct Said: Sendable {
    var at: ContinuousClock.Instant
    var status: RunStatus
  }

  /// Seconds for which an answer is told again.
  private static let freshness = 0.25
  /// Seconds that the exchange is waited for; then for as long it is not asked again.
  private static let patience = 1.0
  /// Seconds without a sign of the exchange after which the learner is ill; as long as its unit for systemd allows.
  static let silence = 60.0

  private let folder: RunFolder
  private let blank: RunStatus
  private let need: DiskNeed
  private let start = ContinuousClock.now
  private let figures = Mutex(LearnerFigures())
  private let sources = Mutex<Sources?>(nil)
  /// Nanoseconds after the start at which the exchange was heard last; 0 before.
  private let exchangeHeard = Atomic<Int64>(0)
  private let said = Mutex<Said?>(nil)
  private let responder = Mutex<Responder?>(nil)

  init(of claim: RunClaim, recipe: Recipe, terms: RunTerms, options: Learner.Options) {
    folder = claim.folder
    need = DiskNeed(of: recipe)
    var status = RunStatus(
      state: .running, time: 0,
      run: RunStatus.Run(
        path: claim.folder.path, runID: terms.runID, task: recipe.task.name,
        generation: claim.epoch, numericsClass: terms.numericsClass),
      progress: RunStatus.Progress(version: 0, target: options.updates))
    let parameters = recipe.model.contract.parameters.count * MemoryLayout<Float>.size
    status.learner = RunStatus.Learner(
      phase: .resuming, pid: getpid(), host: ProcessInfo.processInfo.hostName,
      release: options.release, age: 0, parametersBytes: UInt64(parameters), journalSeconds: 0,
      journalWrites: 0, alarmCounts: [:])
    blank = status
  }

  // MARK: For the threads that work

  func observe(_ event: Learner.Event) {
    let now = now
    figures.withLock { $0.observe(event, now: now) }
  }

  func attach(_ new: Sources) { sources.withLock { $0 = new } }

  /// Called several times a second, as long as the exchange answers peers.
  func exchangeIsAlive() { exchangeHeard.store(Int64(now * 1e9), ordering: .relaxed) }

  // MARK: The doors

  /// Opens the socket of the run folder, and the address if there is one.
  ///
  /// - Parameter metrics: where HTTP is answered.
  /// - Throws: where the address cannot be bound; a folder that can hold no socket is a notice.
  func open(metrics: EndpointAddress?, notice: @Sendable (String) -> Void) throws {
    var sockets: [any ListeningSocket] = []
    do throws(FileError) {
      sockets.append(try ControlSocket(RunFolder.controlName, in: folder.path))
    } catch {
      notice("! tributary status will know no more than the run folder says: \(error)")
    }
    if let metrics {
      do throws(FileError) {
        let socket = try NetworkSocket(at: metrics)
        notice("metrics at http://\(socket.endpoint.dropFirst("tcp://".count))/metrics")
        sockets.append(socket)
      } catch {
        throw RunFailure(.usage, "cannot serve --metrics: \(error); choose another address")
      }
    }
    if sockets.isEmpty { return }
    let opened = try Responder(at: sockets) { [weak self] path in
      self?.page(path) ?? HTTPAnswer.refusal(.unavailable)
    }
    try opened.run()
    responder.withLock { $0 = opened }
  }

  func close() {
    let opened = responder.withLock { responder in
      defer { responder = nil }
      return responder
    }
    opened?.stop()
  }

  // MARK: Pages

  private var now: Double { start.duration(to: .now).seconds }

  private func page(_ path: String) -> HTTPAnswer {
    switch path {
    case "/live": return isAlive
    case "/ready":
      let phase = figures.withLock { $0.phase }
      return figures.withLock { $0.isReady }
        ? HTTPAnswer(.ok, phase.rawValue) : HTTPAnswer(.unavailable, phase.rawValue)
    case "/status":
      guard let body = try? status().encoded() else { return HTTPAnswer.refusal(.unavailable) }
      return HTTPAnswer(contentType: "application/json", body: body + [UInt8(ascii: "\n")])
    case "/metrics":
      return HTTPAnswer(
        contentType: Exposition.contentType, body: Array(status().exposition.utf8))
    case "/":
      return HTTPAnswer(.ok, "tributary: /metrics /status /live /ready")
    default: return HTTPAnswer.refusal(.notFound)
    }
  }

  /// Whether who works here gives signs of life. That a run is resumed, or computes for long, is no illness.
  private var isAlive: HTTPAnswer {
    let heard = Double(exchangeHeard.load(ordering: .relaxed)) * 1e-9
    guard figures.withLock({ $0.isReady }), heard > 0, now - heard > Self.silence else {
      return HTTPAnswer(.ok, "alive")
    }
    return HTTPAnswer(.unavailable, "the exchange has been silent for \(Int(now - heard)) s")
  }

  /// Of this moment, or nearly.
  private func status() -> RunStatus {
    let moment = ContinuousClock.now
    if let said = said.withLock({ $0 }) {
      // Where the exchange is stuck, nobody waits for it again and again.
      let isComplete = said.status.exchange != nil || sources.withLock { $0 == nil }
      let age = said.at.duration(to: moment).seconds
      if age < (isComplete ? Self.freshness : Self.patience) { return said.status }
    }
    let status = described()
    said.withLock { $0 = Said(at: .now, status: status) }
    return status
  }

  private func described() -> RunStatus {
    var status = blank
    status.time = (Date().timeIntervalSince1970 * 1e3).rounded() / 1e3
    let sources = sources.withLock { $0 }
    status.exchange = sources?.exchange.status(within: Self.patience)
    let now = now
    figures.withLock { $0 }.describe(&status, now: now)
    let memory = ProcessMemory.residentMegabytes
    status.learner?.memoryBytes = memory.isFinite ? (memory * 1e6).rounded() : nil
    if let journal = sources?.journal {
      status.learner?.journalSeconds = journal.seconds
      status.learner?.journalWrites = journal.writes
    }
    let progress = status.progress
    let updates = min(progress.target - min(progress.version, progress.target), 100)
    status.disk = RunStatus.Disk(
      of: folder, needed: need.bytes(updates: updates, checkpoints: 2), updates: updates)
    return status
  }
}
