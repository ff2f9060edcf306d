import Objective

/// `dpo_loss`: pairs at one noise; the errors of both policies, the logit, the loss, both gradients.
enum DPOLoss: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let beta = try example["beta"].number(in: 0...1e9)
    let objective = PairPreference(beta: beta)
    let noise = try example["noise"].table()
    func samples(_ name: String) throws(GoldenError) -> [PairPreference.Sample] {
      func table(_ field: String) throws(GoldenError) -> [[Float]] {
        try example[field].table(rows: noise.count, columns: noise[0].count)
      }
      let targets = GoldenValue.targets(noise: noise, clean: try table("x0_\(name)"))
      let (velocities, references) = (try table("v_\(name)"), try table("v_ref_\(name)"))
      return targets.indices.map { row in
        PairPreference.Sample(
          velocity: velocities[row], reference: references[row], target: targets[row])
      }
    }
    let (chosen, rejected) = (try samples("chosen"), try samples("rejected"))
    let terms = zip(chosen, rejected).map { objective.term(chosen: $0, rejected: $1) }
    let out = try example["out"]
    try comparison.expect(chosen.map(\.error.value), at: out["err_chosen"])
    try comparison.expect(rejected.map(\.error.value), at: out["err_rejected"])
    try comparison.expect(chosen.map(\.reference.value), at: out["ref_err_chosen"])
    try comparison.expect(rejected.map(\.reference.value), at: out["ref_err_rejected"])
    // β enlarges what the peer's float32 lost in the differences of errors.
    let largest = (chosen + rejected).map { max($0.error.value, $0.reference.value) }.max() ?? 0
    let lost = beta * largest * Double(Float.ulpOfOne)
    try comparison.expect(terms.map(\.logit), at: out["logit"], rounding: lost)
    try comparison.expect(mean(terms.map(\.loss)), at: out["loss"], rounding: lost)
    for (name, gradients) in [
      ("dloss_dv_chosen", terms.map(\.chosen)), ("dloss_dv_rejected", terms.map(\.rejected)),
    ] {
      let shares = gradients.map { $0.map { $0 / Double(terms.count) } }
      // σ(−z) is off by at most lost times itself.
      let steepest = shares.flatMap(\.self).map(abs).max() ?? 0
      try comparison.expect(gradients: shares, at: out[name], rounding: lost * steepest)
    }
  }
}
