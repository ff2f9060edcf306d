import Bytes
import Flow
import Foundation
import Journal
package import Learning
import Ledger
import Network
import Objective
import Records
import Roles
import Tasks
package import Tensor
import Wire

/// What one whole update of a recipe costs on one core of this machine, stage by stage, measured with the
/// functions of a run in one process.
package struct UpdateCost: Sendable {
  /// Median wall seconds of an update.
  package var seconds: Double
  /// Median CPU seconds of an update, its stages and what lies between them.
  package var processorSeconds: Double
  /// Median CPU seconds of each stage, in order.
  package var split: [(name: String, seconds: Double)]
  /// Median wall seconds of an update in which the model's answers were waited for, and in how many calls.
  package var model: (seconds: Double, calls: Int)
  package var networkEvaluations: Int
  package var learnerStates: Int
  package var judgedPictures: Int
  /// The most memory that this process had while it was measured.
  package var peakResidentMiB: Double

  /// - Parameters:
  ///   - base: the parameters of version 0.
  ///   - updates: how many are measured, after two to warm up.
  package init(of recipe: Recipe, base: Buffer, updates: Int) throws {
    let folder = NSTemporaryDirectory() + "tributary-cost-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let terms = RunTerms(
      runID: "cost", configuration: "", numericalConfiguration: "", recipe: recipe)
    var journal = try JournalWriter(
      directory: folder,
      headerOfSegment: { JournalRecord.header(terms.header(epoch: 1, segment: $0)).encoded() })
    let model = ClockedModel(recipe.model)
    var recipe = recipe
    recipe.model = model
    let core = LearnerCore(
      recipe: recipe,
      policy: TrainingState(base: base, recipe: recipe))
    let sampler = UnitSampler(recipe)
    var published = PublishedSnapshots()
    let names = ["sample", "judge", "encode", "wire", "journal", "decode", "learn", "publish"]
    var stages = names.map { _ in [Double]() }
    var walls: [Double] = []
    var waits: [Double] = []
    var calls = 0
    var totals: [Double] = []
    for round in 0..<(updates + 2) {
      var spent = [Double](repeating: 0, count: names.count)
      func stage<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
        let start = ProcessUsage.processorSeconds
        defer { spent[names.firstIndex(of: name)!] += ProcessUsage.processorSeconds - start }
        return try body()
      }
      let clock = ContinuousClock()
      let (start, startOnProcessor) = (clock.now, ProcessUsage.processorSeconds)
      let (waited, called) = (model.seconds, model.calls)
      let k = core.policy.version.rawValue
      let snapshot = core.recent[max(0, core.recent.count - 1 - recipe.schedule.lag)]
      let weights = snapshot.parameters
      var units: [AdmittedUnit] = []
      var trajectories: [(Trajectory, UnitSampler.Split)] = []
      let all = Array(recipe.layout.units(of: k))
      for start in stride(from: 0, to: all.count, by: recipe.unitsTogether) {
        let some = Array(all[start..<min(start + recipe.unitsTogether, all.count)])
        let began = ProcessUsage.processorSeconds
        let made = try sampler.trajectories(
          of: some, version: snapshot.version, weights: weights, clock: clock)
        let sampling = ProcessUsage.processorSeconds - began
        // The sampler tells its two parts by the clock; on one core that is their CPU time.
        let judge = made.reduce(0) { $0 + $1.1.judge.seconds }
        let judgeShare = judge / (judge + made.reduce(0) { $0 + $1.1.sample.seconds })
        spent[0] += sampling * (1 - judgeShare)
        spent[1] += sampling * judgeShare
        trajectories += made
      }
      for (unit, (trajectory, _)) in zip(all, trajectories) {
        let payload = stage("encode") { trajectory.encoded() }
        let message = stage("wire") {
          let digest = Digest(of: payload)
          let result = UnitResult(
            unit: unit, attempt: 1, version: snapshot.version, paramsHash: snapshot.hash,
            digest: digest, byteCount: UInt32(payload.count), sampleMicroseconds: 0,
            judgeMicroseconds: 0)
          return Envelope(epoch: 1, session: 1, sequence: 1, message: .result(result)).encoded()
        }
        units.append(
          try stage("decode") {
            guard case .result(let result) = try Envelope(decoding: message).message else {
              throw RunFailure(.internal, "an envelope that was just written cannot be read")
            }
            return try AdmittedUnit(
              payload: payload, digest: result.digest, unit: unit, recipe: recipe)
          })
      }
      let journalStart = ProcessUsage.processorSeconds
      for unit in units {
        _ = try journal.append(
          JournalRecord.trajectory(
            unit: unit.unit, epoch: 1, digest: unit.digest, payload: unit.payload
          ).encoded())
      }
      try journal.sync()
      spent[4] += ProcessUsage.processorSeconds - journalStart
      _ = try stage("learn") { try core.advance(with: units, epoch: 1) }
      stage("publish") {
        published.publish(
          PublishedSnapshot(core.recent[core.recent.count - 1]), keepingFrom: core.recent[0].version
        )
      }
      if round >= 2 {
        walls.append(start.duration(to: clock.now).seconds)
        waits.append(model.seconds - waited)
        calls = model.calls - called
        totals.append(ProcessUsage.processorSeconds - startOnProcessor)
        for (index, seconds) in spent.enumerated() { stages[index].append(seconds) }
      }
    }
    func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    let work = UnitWork(recipe)
    seconds = median(walls)
    processorSeconds = median(totals)
    split = zip(names, stages).map { ($0, median($1)) }
    self.model = (median(waits), calls)
    networkEvaluations = recipe.unitsPerUpdate * work.evaluations
    learnerStates = recipe.unitsPerUpdate * work.states
    judgedPictures = recipe.unitsPerUpdate * work.pictures
    peakResidentMiB = ProcessUsage.peakResidentMiB
  }
}
