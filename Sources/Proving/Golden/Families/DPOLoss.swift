import Objective
import Tensor

/// `dpo_loss`: pairs at one noise; the errors of both policies, the logit, the loss, both gradients.
enum DPOLoss: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let beta = try example["beta"].number(in: 0...1e9)
    let objective = PairPreference(beta: beta)
    let noise = try example["noise"].table()
    func samples(_ name: String) throws(GoldenError) -> Samples {
      func table(_ field: String) throws(GoldenError) -> [[Float]] {
        try example[field].table(rows: noise.count, columns: noise[0].count)
      }
      return Samples(
        velocities: try table("v_\(name)"), references: try table("v_ref_\(name)"),
        targets: GoldenValue.targets(noise: noise, clean: try table("x0_\(name)")))
    }
    let (chosen, rejected) = (try samples("chosen"), try samples("rejected"))
    let terms = zip(chosen.gains, rejected.gains).map { objective.term(chosen: $0, rejected: $1) }
    // Row 2k is the chosen one of pair k.
    let pairs = noise.indices
    let outcomes = NoisyOutcomes(
      targets: pairs.flatMap { [chosen.targets[$0], rejected.targets[$0]] },
      advantages: pairs.flatMap { _ in [1, -1] }, groups: pairs.flatMap { [$0, $0] })
    let slopes = objective.loss(
      of: outcomes,
      at: Velocities(
        policy: Slab(pairs.flatMap { [chosen.velocities[$0], rejected.velocities[$0]] }),
        reference: Slab(pairs.flatMap { [chosen.references[$0], rejected.references[$0]] }))
    ).gradient
    let out = try example["out"]
    try comparison.expect(chosen.errors, at: out["err_chosen"])
    try comparison.expect(rejected.errors, at: out["err_rejected"])
    try comparison.expect(chosen.referenceErrors, at: out["ref_err_chosen"])
    try comparison.expect(rejected.referenceErrors, at: out["ref_err_rejected"])
    // β enlarges what the peer's float32 lost in the differences of errors.
    let largest = [chosen, rejected].flatMap { $0.errors + $0.referenceErrors }.max() ?? 0
    let lost = beta * largest * Double(Float.ulpOfOne)
    try comparison.expect(terms.map(\.logit), at: out["logit"], rounding: lost)
    try comparison.expect(mean(terms.map(\.loss)), at: out["loss"], rounding: lost)
    for (name, place) in [("dloss_dv_chosen", 0), ("dloss_dv_rejected", 1)] {
      let shares = pairs.map { slopes[2 * $0 + place] }
      // σ(−z) is off by at most lost times itself.
      let steepest = shares.flatMap(\.self).map(abs).max() ?? 0
      try comparison.expect(gradients: shares, at: out[name], rounding: lost * steepest)
    }
  }
}

/// One side of the pairs.
private struct Samples {
  /// v, v_ref and u, each `[rows][D]`.
  let velocities, references, targets: [[Float]]

  /// ℓ and ℓ^ref.
  var errors: [Double] { rowErrors(velocities, targets) }
  var referenceErrors: [Double] { rowErrors(references, targets) }
  var gains: [Double] { zip(errors, referenceErrors).map { $0 - $1 } }
}
