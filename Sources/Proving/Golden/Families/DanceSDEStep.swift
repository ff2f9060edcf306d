import Flow

/// `dance_sde_step`: the SDE with constant noise beside the ODE's next state and the clean state
/// that the velocity points to.
enum DanceSDEStep: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let (sigma, end) = (try example.sigma("sigma"), try example.sigma("sigma_next"))
    let dynamics = DanceSDE(noiseLevel: Float(try example["eta"].number()))
    let x = try example["x"].table()
    func batch(_ transition: Transition) -> StepBatch {
      StepBatch(
        states: x, transitions: x.map { _ in transition }, reduction: .mean,
        amplification: transition.amplificationOfScore(at: sigma))
    }
    let noisy = batch(dynamics.transition(sigma: sigma, next: end))
    let straight = batch(ODE().transition(from: sigma, to: end))
    // x̂₀ = x − σ·v is where one step of the ODE over all that is left arrives.
    let whole = batch(ODE().transition(from: sigma, to: 0))
    let v = try noisy.table(example["v"])
    let means = noisy.means(v)
    let next = noisy.next(v, noises: try noisy.table(example["eps"]))
    let out = try example["out"]
    try comparison.expect(next, at: out["x_next"])
    try comparison.expect(means, at: out["mean_sde"])
    try comparison.expect(straight.means(v), at: out["mean_ode"])
    try comparison.expect(whole.means(v), at: out["x0_pred"])
    try noisy.compareDensities(of: next, means: means, with: out["log_prob"], in: &comparison)
    let replay = try example["replay"]
    try noisy.compareReplay(replay, of: try noisy.table(replay["x_next"]), in: &comparison)
  }
}
