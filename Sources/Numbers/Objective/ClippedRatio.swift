import Flow
import Tensor

/// The clipped surrogate of recorded noises (Flow-GRPO, arXiv:2505.05470, eq. 5; golden
/// `grpo_clipped_loss`, `tempflow_loss`).
///
///     L = Σ_points w · mean_k surrogate(log p_k − log p_k^old, A_k)
///     ∂L/∂v = w · mean_k [ ∂surrogate_k/∂log p_k · ∂log p_k/∂v ]
package struct ClippedRatio: PolicyLoss {
  package var surrogate: ClippedSurrogate

  package init(clip: Float) { surrogate = ClippedSurrogate(clip: clip) }

  package var rows: LossRows { .points }
  package var clip: Float? { surrogate.clip }
  package var unclipped: ClippedRatio { ClippedRatio(clip: ClippedSurrogate.open.clip) }

  package func loss(of samples: LossSamples, at velocities: Velocities) -> LossResult {
    let policy = velocities.policy
    var result = LossResult(slopes: Slab(zeros: policy.rows, columns: policy.columns))
    var mean = [Float](repeating: 0, count: policy.columns)
    for (row, point) in samples.points.enumerated() {
      let transition = point.transition
      transition.mean(point.state[...], policy[row], into: &mean)
      let share = point.weight / Float(point.next.rows)
      var value: Float = 0
      var ratios = LossResult.Ratios()
      for k in 0..<point.next.rows {
        let term = surrogate.term(
          logDensity: transition.logDensity(
            of: point.next[k], mean: mean[...], over: point.reduction),
          old: point.logDensities[k], advantage: point.advantages[k])
        value += share * term.loss
        ratios.add(term)
        if term.slope == 0 { continue }
        transition.addLogDensityGradient(
          of: point.next[k], mean: mean, over: point.reduction, times: share * term.slope,
          to: &result.slopes, row: row)
      }
      result.parts.append(Double(value))
      result.ratios.append(ratios)
    }
    return result
  }
}
