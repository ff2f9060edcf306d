import Objective
import Tensor

/// `dgpo_loss`: groups of samples, the optional mask and the divergence, which the mask may leave out
/// of the gradient as it may leave out the error.
enum DGPOLoss: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let velocities = try example["v"].table()
    let (rows, columns) = (velocities.count, velocities[0].count)
    func table(_ field: String) throws(GoldenError) -> [[Float]] {
      try example[field].table(rows: rows, columns: columns)
    }
    let targets = try table("target_v")
    let (old, references) = (try table("v_old"), try table("v_ref"))
    let advantages = try example["advantages"].numbers(rows)
    let clip = try range(example["clip_range"])
    let beta = try example["dpo_beta"].number()
    let objective = GroupPreference(beta: beta)
    var members: [Int: [Int]] = [:]
    for (row, id) in try example["group_id"].entries(rows).enumerated() {
      members[try id.integer(in: -1_000_000_000...1_000_000_000), default: []].append(row)
    }
    let groups = members.sorted { $0.key < $1.key }.map(\.value)
    let size = try example["group_size"].integer(in: 1...1_000_000)
    guard groups.allSatisfy({ $0.count == size }) else {
      throw GoldenError("\(example.path) has groups that are not of \(size)")
    }
    let (found, referenceErrors) = (rowErrors(velocities, targets), rowErrors(references, targets))
    let weights = groups.map { group in
      objective.weight(
        of: group.map { found[$0] }, beside: group.map { referenceErrors[$0] },
        advantages: group.map { advantages[$0] })
    }
    var ids = [Int](repeating: 0, count: rows)
    for (id, group) in groups.enumerated() { for row in group { ids[row] = id } }
    let loss = objective.loss(
      of: NoisyOutcomes(
        targets: targets, advantages: advantages.map { Float($0) }, groups: ids),
      at: Velocities(policy: Slab(velocities), reference: Slab(references)))
    // Samples whose ρ = exp(ℓ_old − ℓ) has left its range on the side that their advantage pulls to; an
    // advantage of 0 counts with the bad.
    let oldErrors = rowErrors(old, targets)
    let isMasked = velocities.indices.map { row in
      guard let clip else { return false }
      let offset = ExactMath.exponential(oldErrors[row] - found[row]) - 1
      return advantages[row] > 0 ? offset > clip.upperBound : offset < clip.lowerBound
    }
    func unmasked(_ gradient: [[Double]], _ isApplied: Bool) -> [[Double]] {
      isApplied ? zip(gradient, isMasked).map { $1 ? $0.map { _ in 0 } : $0 } : gradient
    }
    let divergence = AddedDivergence(velocities, from: references)
    let coefficient = try example["kl_beta"].number()
    let gradient = sum(
      unmasked(loss.gradient, try example["clip_dsm"].flag()), coefficient,
      unmasked(divergence.gradient, try example["clip_kl"].flag()))
    let out = try example["out"]
    try comparison.expect(found, at: out["dsm"])
    if clip != nil {
      try comparison.expect(isMasked.map { $0 ? 1.0 : 0 }, at: out["clip_mask"])
    }
    // β enlarges what the peer's float32 lost in the differences of errors.
    let lost = abs(beta) * (found.max() ?? 0) * Double(Float.ulpOfOne)
    try comparison.expect(weights.map(\.argument), at: out["group_argument"], rounding: lost)
    try comparison.expect(weights.map(\.value), at: out["group_weight"], rounding: lost / 4)
    try comparison.expect(loss.value, at: out["dgpo_loss"], as: .small, rounding: lost / 40)
    try comparison.expect(divergence.value, at: out["kl"], as: .small)
    try comparison.expect(
      loss.value + coefficient * divergence.value, at: out["loss"], as: .small,
      rounding: lost / 40)
    try comparison.expect(gradients: gradient, at: out["dloss_dv"], rounding: lost / 40)
  }

  /// Signed offsets from a ratio of 1, or none.
  private static func range(_ field: GoldenValue) throws(GoldenError) -> ClosedRange<Double>? {
    if field.isNull { return nil }
    let ends = try field.numbers(2)
    guard ends[0] <= ends[1] else { throw field.isNot("a range") }
    return ends[0]...ends[1]
  }
}
