import Bytes
import Flow
import Learning
import Ledger
import Network
import Records
import Tensor

/// The evaluations of one life of a learner that actors share: begun by it, sampled and scored by them part by
/// part, and concluded by it when the last part is here.
///
/// An evaluation is a folder of the run for as long as it lasts (``EvaluationFolder``), so a part that was
/// acknowledged is never made again, and whoever opens the run next goes on.
final class LeasedEvaluations {
  private struct Pending {
    let folder: EvaluationFolder
    let weights: Buffer
    /// The outcomes of the parts that are here, and the digests of their payloads.
    var parts: [Int: (outcomes: Outcomes, digest: Digest)] = [:]
  }

  private let recipe: Recipe
  private let folder: RunFolder
  private let evaluator: Evaluator
  private let exchange: Exchange
  private let parts: EvaluationParts
  private var pending: [UInt64: Pending] = [:]
  /// Seconds of this thread since somebody asked.
  private var spent = 0.0

  /// Goes on with what an earlier life has begun.
  ///
  /// - Parameter version: where the run stands; what belongs to later versions is begun anew when they are
  ///   reached again.
  init(
    _ recipe: Recipe, of folder: RunFolder, evaluator: Evaluator, record: RunRecord,
    exchange: Exchange, at version: UInt64, notice: (String) -> Void
  ) throws {
    self.recipe = recipe
    self.folder = folder
    self.evaluator = evaluator
    self.exchange = exchange
    parts = EvaluationParts(of: recipe)
    for old in EvaluationFolder.all(in: folder) {
      guard old.version <= version, !record.hasEvaluation(old.version) else {
        try old.remove()
        continue
      }
      guard let weights = old.weights(count: recipe.model.contract.parameters.count) else {
        notice(EvaluationFolder.loss(of: old.version))
        try old.remove()
        continue
      }
      var entry = Pending(folder: old, weights: weights)
      if old.isUnder(parts.terms) {
        for number in 0..<parts.count {
          let unit = EvaluationUnit(PolicyVersion(old.version), part: number)
          guard let (payload, digest) = old.part(number),
            let part = try? EvaluatedPart(
              payload: payload, digest: digest, unit: unit, recipe: recipe)
          else { continue }
          entry.parts[number] = (part.outcomes, digest)
        }
      } else {
        try old.remove()
        try old.begin(weights, under: parts.terms)
      }
      pending[old.version] = entry
    }
  }

  /// How many are not over.
  var count: Int { pending.count }

  /// The oldest version under evaluation, and how many of its parts are not here; nil where there is none.
  var missing: (version: UInt64, parts: Int)? {
    pending.min { $0.key < $1.key }.map { ($0.key, parts.count - $0.value.parts.count) }
  }

  /// Seconds that this thread spent on evaluations since the last call.
  func takeSpent() -> Double {
    defer { spent = 0 }
    return spent
  }

  func isPending(_ version: UInt64) -> Bool { pending[version] != nil }

  /// Leases what earlier lives left, and concludes what they have sampled.
  func resume() throws {
    for version in pending.keys.sorted() { try lease(version) }
  }

  /// Begins the evaluation of a version.
  ///
  /// - Parameter weights: its averaged weights.
  func begin(_ version: UInt64, _ weights: Buffer) throws {
    let entry = Pending(
      folder: EvaluationFolder(of: version, in: folder), weights: weights.copy())
    try entry.folder.begin(entry.weights, under: parts.terms)
    pending[version] = entry
    try lease(version)
  }

  private func lease(_ version: UInt64) throws {
    guard let entry = pending[version] else { return }
    let of = PolicyVersion(version)
    let known = entry.parts.map { (EvaluationUnit(of, part: $0), $1.digest) }
    exchange.send(
      .evaluate(
        PublishedSnapshot(Snapshot(version: of.averaged, parameters: entry.weights)),
        parts: (0..<parts.count).map { EvaluationUnit(of, part: $0) },
        durable: Dictionary(uniqueKeysWithValues: known)))
    try concludeWhole()
  }

  /// Keeps a part that has come; the last one concludes its evaluation.
  func take(_ part: EvaluatedPart) throws {
    let (version, number) = (part.unit.version.rawValue, part.unit.part)
    guard let entry = pending[version], entry.parts[number] == nil else { return }
    try entry.folder.add(part.payload, digest: part.digest, part: number)
    pending[version]?.parts[number] = (part.outcomes, part.digest)
    exchange.send(.partDurable(part.unit, part.digest))
    try concludeWhole()
  }

  /// Concludes what is whole in the order of versions: the base's evaluation comes before those that are compared
  /// with it, and of equal ones the first is the best.
  private func concludeWhole() throws {
    while let (version, entry) = pending.min(by: { $0.key < $1.key }),
      entry.parts.count == parts.count
    {
      try conclude(version, entry)
    }
  }

  private func conclude(_ version: UInt64, _ entry: Pending) throws {
    let began = ProcessorTime.ofThread
    defer { spent += ProcessorTime.ofThread - began }
    let outcomes = (0..<parts.count).flatMap { number in
      zip(parts.prompts(of: number), entry.parts[number]?.outcomes ?? [])
    }
    let results = outcomes.map { (prompt: $0, latent: $1.latent) }
    try evaluator.conclude(
      Evaluator.Sampled(
        results: Array(results.prefix(parts.heldOutCount)),
        drawn: Array(results.dropFirst(parts.heldOutCount)),
        asked: recipe.evaluationAsksRewards ? outcomes.map(\.1.rewards) : nil),
      of: entry.weights, version: version,
      // The state has gone on: what was not saved when it began cannot be saved now.
      save: { try Checkpoint.versions(in: folder).contains(version) })
    pending[version] = nil
    exchange.send(.evaluated(PolicyVersion(version)))
    try entry.folder.remove()
  }
}
