package import Flow
package import Tensor

/// GRPO-Guard's ratio (arXiv:2510.22319, §4.1): centred at 1 and of one spread at every step.
///
///     log ρ̂ = (log p − log p_old + b)·s,           b = mean_D (μ − μ_old)² / 2s²
///            = mean_D (μ − μ_old)·ε,                 ε = (x′ − μ_old)/s
///     L = Σ_points w · mean_k max(−A·ρ̂, −A·clip(ρ̂, 1 − c, 1 + c)) / Δ
///     ∂ log ρ̂/∂v = ε·k_v / D
///
/// with densities averaged over D. The mean log-ratio has a quadratic part below zero, which b takes
/// away, and a factor 1/s, which differs by 20 times between steps; dividing by Δ gives every step the
/// same gradient. The second line is what is computed: at θ_old it is 1 to the last bit.
package struct GuardedRatio: PolicyLoss {
  package var surrogate: ClippedSurrogate

  package init(clip: Float) { surrogate = ClippedSurrogate(clip: clip) }

  package var rows: LossRows { .points }
  package var unclipped: GuardedRatio { GuardedRatio(clip: ClippedSurrogate.open.clip) }

  package func loss(of samples: LossSamples, at velocities: Velocities) -> LossResult {
    let policy = velocities.policy
    var result = LossResult(slopes: Slab(zeros: policy.rows, columns: policy.columns))
    var mean = [Float](repeating: 0, count: policy.columns)
    var oldMean = mean
    for (row, point) in samples.points.enumerated() {
      point.transition.mean(point.state[...], policy[row], into: &mean)
      point.transition.mean(point.state[...], point.velocity, into: &oldMean)
      let scale = 1 / (Double(point.next.rows) * Double(point.length))
      var value = 0.0
      var ratios = LossResult.Ratios()
      for k in 0..<point.next.rows {
        let branch = Branch(
          next: point.next[k], mean: mean[...], oldMean: oldMean[...],
          transition: point.transition)
        let term = term(of: branch, advantage: point.advantages[k])
        value += Double(term.loss)
        ratios.add(term)
        branch.addSlopes(
          Double(term.slope), scale: scale, weight: point.weight, to: &result.slopes, row: row)
      }
      result.parts.append(Double(point.weight * Float(scale * value)))
      result.ratios.append(ratios)
    }
    return result
  }

  /// One noise: x′, μ and μ_old, each `[D]`.
  package struct Branch {
    let next, mean, oldMean: ArraySlice<Float>
    let transition: Transition

    /// - Precondition: the step has noise.
    package init(
      next: ArraySlice<Float>, mean: ArraySlice<Float>, oldMean: ArraySlice<Float>,
      transition: Transition
    ) {
      precondition(transition.deviation > 0, "a deterministic step has no ratio")
      self.next = next
      self.mean = mean
      self.oldMean = oldMean
      self.transition = transition
    }

    /// log ρ̂.
    package var difference: Double {
      let s = Double(transition.deviation)
      var sum = 0.0
      for ((x, now), old) in zip(zip(next, mean), oldMean) {
        sum += (Double(now) - Double(old)) * ((Double(x) - Double(old)) / s)
      }
      return sum / Double(mean.count)
    }

    /// Adds w · scale · slope · ∂ log ρ̂/∂v to a row.
    package func addSlopes(
      _ slope: Double, scale: Double, weight: Float, to slopes: inout Slab, row: Int
    ) {
      let (s, k) = (Double(transition.deviation), Double(transition.velocityFactor))
      let count = Double(mean.count)
      var place = row * slopes.columns
      for (x, old) in zip(next, oldMean) {
        let noise = (Double(x) - Double(old)) / s
        slopes.scalars[place] += weight * Float(scale * (slope * noise) * k / count)
        place += 1
      }
    }
  }

  package func term(of branch: Branch, advantage: Float) -> ClippedSurrogate.Term {
    surrogate.term(difference: branch.difference, advantage: advantage)
  }
}
