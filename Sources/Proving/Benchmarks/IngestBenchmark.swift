import Costs
import Flow
import Foundation
package import Learning
import Ledger
import Network
import Records
import Roles
import Synchronization
import Tensor
import Transport
import Wire

/// `bench ingest`: units from a socket to the disk and their acknowledgements back, with the exchange
/// and the journal of a learner, beside bare libzmq and a bare log.
///
/// Included: sessions, leases, envelopes, every check of a unit (digest, form, noises and next states made
/// again), encoding of records, checksums, `fdatasync`, acknowledgements. Not included: the update,
/// which uses the units, and the look at the run folder's owner before each write.
package final class IngestBenchmark {
  package struct Report: Sendable {
    package var payloadBytes: Int
    /// Units of one round.
    package var units: Int
    /// Bytes of payload a second.
    package var bareTransport: Spread
    /// With the group size of ``own`` in the same round.
    package var bareLog: Spread
    package var own: Spread
    /// ``own`` over the slower of the two before it.
    package var ratio: Spread
    /// Units that one `fdatasync` made durable, on average.
    package var group: Spread
    /// CPU seconds of the learner's threads for a gigabyte.
    package var processorSecondsPerGigabyte: Spread
    /// The part of them that checks payloads: ``AdmittedUnit`` alone, measured by itself.
    package var checkSecondsPerGigabyte: Double
    /// Its digest alone.
    package var digestSecondsPerGigabyte: Double
    /// Seconds from sending a unit to its acknowledgement, without writing and syncing its group, with
    /// two units on their way: median and 99th percentile.
    package var latency: (median: Double, percentile99: Double)
    /// Seconds of writing and syncing one such group.
    package var sync: Spread
  }

  private let recipe: Recipe
  private let terms: RunTerms
  private let snapshot: Snapshot
  private let payloads: [[UInt8]]
  private let digests: [Digest]
  private let folder: String

  /// - Parameters:
  ///   - units: how many different ones are made; a round sends each of them once.
  ///   - folder: where journals are written, and deleted again.
  package init(_ recipe: Recipe, units: Int, folder: String) throws {
    var recipe = recipe.underJudge
    // The payload is the same for a network of any size, and this one samples quickly.
    recipe.model = BuiltInModel(for: recipe.task, width: 32, depth: 1, heads: 2)
    // All units of a round are open at once.
    recipe.prompts = (units + recipe.seeds - 1) / recipe.seeds
    recipe.minibatches = 1
    let policy = TrainingState(base: try recipe.model.initialParameters(seed: 1), recipe: recipe)
    let sampler = UnitSampler(recipe)
    let snapshot = policy.snapshot
    let weights = ParameterSet(policy.weights)
    payloads = try (0..<UInt64(units)).map {
      try sampler.trajectory(
        of: UnitID($0), version: snapshot.version, weights: weights, clock: ContinuousClock()
      ).0.encoded()
    }
    digests = payloads.map { Digest(of: $0) }
    self.snapshot = snapshot
    self.recipe = recipe
    self.folder = folder
    terms = RunTerms(
      runID: String(repeating: "be", count: 16), configuration: "", numericalConfiguration: "",
      recipe: recipe)
  }

  /// - Parameter window: units on their way at once, of all actors together.
  package func run(rounds: Int, window: Int) throws -> Report {
    let bare = try BareLink(isEncrypted: false)
    let payload = payloads[0]
    let volume = Double(payloads.reduce(0) { $0 + $1.count })
    let count = payloads.count
    var measured: [(transport: Double, log: Double, own: Double, group: Double, cpu: Double)] = []
    for round in 0...rounds {
      let transport = try bare.seconds(for: count, of: payloads, window: window)
      let own = try ingest(window: window)
      let group = Double(count) / Double(own.syncs.count)
      let log = try BareLog.seconds(
        for: count, of: payload, group: max(1, Int(group.rounded())), at: "\(folder)/log")
      if round > 0 {
        measured.append((volume / transport, volume / log, volume / own.seconds, group, own.cpu))
      }
    }
    let quiet = try ingest(window: 2)
    let beyond = quiet.latencies.sorted()
    return Report(
      payloadBytes: payload.count, units: count, bareTransport: Spread(measured.map(\.transport)),
      bareLog: Spread(measured.map(\.log)), own: Spread(measured.map(\.own)),
      ratio: Spread(measured.map { $0.own / min($0.transport, $0.log) }),
      group: Spread(measured.map(\.group)),
      processorSecondsPerGigabyte: Spread(measured.map { $0.cpu / volume * 1e9 }),
      checkSecondsPerGigabyte: try checkSeconds / volume * 1e9,
      digestSecondsPerGigabyte: digestSeconds / volume * 1e9,
      latency: (beyond[beyond.count / 2], beyond[beyond.count * 99 / 100]),
      sync: Spread(quiet.syncs))
  }

  private var checkSeconds: Double {
    get throws {
      let start = ProcessUsage.processorSeconds
      for (index, payload) in payloads.enumerated() {
        _ = try AdmittedUnit(
          payload: payload, digest: digests[index], unit: UnitID(UInt64(index)), recipe: recipe)
      }
      return ProcessUsage.processorSeconds - start
    }
  }

  private var digestSeconds: Double {
    let start = ProcessUsage.processorSeconds
    for payload in payloads { _ = Digest(of: payload) }
    return ProcessUsage.processorSeconds - start
  }

  // MARK: One round

  /// What the journal's thread tells.
  private struct Written {
    var seconds = 0.0
    var syncs: [Double] = []
    var secondsOfUnit: [UInt64: Double] = [:]
    var failure: RunFailure?
  }

  private struct Outcome {
    var seconds: Double
    /// CPU seconds of all threads but the sender's.
    var cpu: Double
    var syncs: [Double]
    var latencies: [Double]
  }

  /// A fresh learner without a core, and one sender that plays all actors.
  private func ingest(window: Int) throws -> Outcome {
    let journalFolder = "\(folder)/journal-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: journalFolder) }
    let written = Mutex(Written())
    let terms = self.terms
    let journal = try JournalThread(
      directory: journalFolder, epoch: 1, header: { terms.header(epoch: 1, segment: $0) },
      mayWrite: {})
    let exchange = try Exchange(
      listen: "tcp://127.0.0.1:*", context: Context(), door: nil, terms: terms, recipe: recipe,
      epoch: 1, committed: snapshot.version, recent: [snapshot], durable: [], lastUpdate: 1,
      callbacks: Exchange.Callbacks(
        chosen: { journal.submit(.unit($0)) },
        notice: { _ in }, failed: { failure in written.withLock { $0.failure = failure } }))
    try journal.start { [journal] event in
      switch event {
      case .durable(let records):
        var units: [AdmittedUnit] = []
        for case .unit(let unit) in records.map(\.job) { units.append(unit) }
        let total = journal.seconds
        written.withLock {
          let seconds = total - $0.seconds
          $0.seconds = total
          $0.syncs.append(seconds)
          for unit in units { $0.secondsOfUnit[unit.unit.rawValue] = seconds }
        }
        exchange.send(.durable(units))
      case .failed(let failure): written.withLock { $0.failure = failure }
      }
    }
    try exchange.run()
    defer {
      exchange.send(.leave("the benchmark is over"))
      exchange.join()
      journal.stop()
    }
    var sender = try IngestSender(to: exchange.endpoint)
    try sender.greet()
    let processor = ProcessUsage.processorSeconds
    let own = sender.processorSeconds
    let (seconds, latencies) = try sender.send(
      payloads, digests, paramsHash: snapshot.hash, window: window)
    let cpu = ProcessUsage.processorSeconds - processor - (sender.processorSeconds - own)
    return try written.withLock { written in
      if let failure = written.failure { throw failure }
      let beyond = latencies.map { $0.value - (written.secondsOfUnit[$0.key] ?? 0) }
      return Outcome(seconds: seconds, cpu: cpu, syncs: written.syncs, latencies: beyond)
    }
  }
}
