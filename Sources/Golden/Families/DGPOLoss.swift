import Objective

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
    let objective = GroupPreference(beta: beta, clip: clip)
    let size = try example["group_size"].integer(in: 1...1_000_000)
    var members: [Int: [Int]] = [:]
    for (row, id) in try example["group_id"].entries(rows).enumerated() {
      members[try id.integer(in: -1_000_000_000...1_000_000_000), default: []].append(row)
    }
    let groups = members.sorted { $0.key < $1.key }.map(\.value)
    let results = groups.map { group in
      objective.group(
        group.map { velocities[$0] }, targets: group.map { targets[$0] },
        references: group.map { references[$0] }, old: group.map { old[$0] },
        advantages: group.map { advantages[$0] }, size: size)
    }
    var errors = [Double](repeating: 0, count: rows)
    var losses = errors
    var isMasked = [Bool](repeating: false, count: rows)
    var gradient = velocities.map { $0.map { _ in 0.0 } }
    for (group, result) in zip(groups, results) {
      for (place, row) in group.enumerated() {
        errors[row] = result.errors[place]
        losses[row] = result.losses[place]
        isMasked[row] = result.isMasked[place]
        gradient[row] = result.gradients[place].map { $0 / Double(rows) }
      }
    }
    func unmasked(_ gradient: [[Double]], _ isApplied: Bool) -> [[Double]] {
      isApplied ? zip(gradient, isMasked).map { $1 ? $0.map { _ in 0 } : $0 } : gradient
    }
    let divergence = AddedDivergence(velocities, from: references)
    let coefficient = try example["kl_beta"].number()
    gradient = sum(
      unmasked(gradient, try example["clip_dsm"].flag()), coefficient,
      unmasked(divergence.gradient, try example["clip_kl"].flag()))
    let out = try example["out"]
    try comparison.expect(errors, at: out["dsm"])
    if clip != nil {
      try comparison.expect(isMasked.map { $0 ? 1.0 : 0 }, at: out["clip_mask"])
    }
    // β enlarges what the peer's float32 lost in the differences of errors.
    let lost = abs(beta) * (errors.max() ?? 0) * Double(Float.ulpOfOne)
    try comparison.expect(results.map(\.argument), at: out["group_argument"], rounding: lost)
    try comparison.expect(results.map(\.weight), at: out["group_weight"], rounding: lost / 4)
    try comparison.expect(mean(losses), at: out["dgpo_loss"], as: .small, rounding: lost / 40)
    try comparison.expect(divergence.value, at: out["kl"], as: .small)
    try comparison.expect(
      mean(losses) + coefficient * divergence.value, at: out["loss"], as: .small,
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
