import Tensor

/// DiffusionNFT (arXiv:2509.16117, eq. 5 and alg. 1): the policy is pulled towards the clean latent
/// of good samples, and its mirror image about the old policy towards that of bad ones.
///
///     v⁺ = β·v + (1 − β)·v_old,         v⁻ = (1 + β)·v_old − β·v,        x̂₀^± = x_t − t·v^±
///     w^± = max(mean_D |x̂₀^± − x₀|, 10⁻⁵), held fixed,        ℓ^± = mean_D (x̂₀^± − x₀)² / w^±
///     r = clip(½ + A / 2c, 0, 1),       L = (c/β)·(r·ℓ⁺ + (1 − r)·ℓ⁻)
///
///     ∂ℓ^±/∂v = ∓ 2·t·β·(x̂₀^± − x₀) / (D·w^±)
///
/// At v = v_old both estimates agree, and with r = ½ the gradient is zero.
package struct NegativeAwareFineTuning: MatchingLoss {
  /// Which advantages count, before they become r.
  package enum Advantages: String, Sendable, CaseIterable {
    case all
    case positive = "positive_only"
    case negative = "negative_only"
    /// 1 above zero, else 0.
    case one = "one_only"
    /// The sign.
    case binary
  }

  /// β: how far v⁺ goes from the old policy to the new; 1 or 0.1.
  package var beta: Double
  /// c: where advantages are clipped, 5.
  package var bound: Double
  package var advantages: Advantages

  package init(beta: Double, bound: Double = 5, advantages: Advantages = .all) {
    self.beta = beta
    self.bound = bound
    self.advantages = advantages
  }

  /// r in 0...1, the share of the positive loss.
  package func share(of advantage: Double) -> Double {
    let clipped = min(max(advantage, -bound), bound)
    let kept: Double =
      switch advantages {
      case .all: clipped
      case .positive: max(clipped, 0)
      case .negative: min(clipped, 0)
      case .one: clipped > 0 ? 1 : 0
      case .binary: clipped > 0 ? 1 : clipped < 0 ? -1 : 0
      }
    return min(max(kept / bound / 2 + 0.5, 0), 1)
  }

  package var needs: LossNeeds { .old }
  package var holdsFactors: Bool { true }

  package func loss(of outcomes: NoisyOutcomes, at velocities: Velocities) -> MatchingResult {
    let (rows, times) = (velocities.policy.rows, outcomes.timesOfOutcome)
    let scale = 1 / Double(rows)
    var result = MatchingResult(
      value: 0, slopes: Slab(zeros: rows, columns: velocities.policy.columns))
    for row in 0..<rows {
      let sample = Sample(
        state: outcomes.states[row], clean: outcomes.clean[row / times], time: outcomes.times[row],
        velocity: velocities.policy[row], old: velocities.old[row])
      let term = term(of: sample, advantage: Double(outcomes.advantages[row / times]))
      result.value += scale * term.loss
      addSlopes(of: sample, term, to: &result.slopes, row: row)
    }
    return result
  }

  /// One outcome at one time; all but the time are `[D]`.
  package struct Sample {
    let state, clean, velocity, old: ArraySlice<Float>
    let time: Double

    package init(
      state: ArraySlice<Float>, clean: ArraySlice<Float>, time: Float,
      velocity: ArraySlice<Float>, old: ArraySlice<Float>
    ) {
      self.state = state
      self.clean = clean
      self.time = Double(time)
      self.velocity = velocity
      self.old = old
    }

    /// x̂₀ − x₀ at one scalar, with the velocity now·v + before·v_old.
    func error(_ i: Int, now: Double, before: Double) -> Double {
      let velocity =
        now * Double(velocity[velocity.startIndex + i]) + before * Double(old[old.startIndex + i])
      return Double(state[state.startIndex + i]) - time * velocity
        - Double(clean[clean.startIndex + i])
    }
  }

  /// w and ℓ of one of the two sides.
  package struct Side: Hashable, Sendable {
    package let weight: Double
    package let loss: Double
  }

  package struct Term: Hashable, Sendable {
    package let positive: Side
    package let negative: Side
    package let share: Double
    /// L.
    package let loss: Double
  }

  /// The loss of one sample.
  package func term(of sample: Sample, advantage: Double) -> Term {
    let share = share(of: advantage)
    let positive = side(of: sample, now: beta, before: 1 - beta)
    let negative = side(of: sample, now: -beta, before: 1 + beta)
    return Term(
      positive: positive, negative: negative, share: share,
      loss: bound / beta * (share * positive.loss + (1 - share) * negative.loss))
  }

  private func side(of sample: Sample, now: Double, before: Double) -> Side {
    let count = Double(sample.velocity.count)
    var (sizes, squares) = (0.0, 0.0)
    for i in 0..<sample.velocity.count {
      let error = sample.error(i, now: now, before: before)
      sizes += abs(error)
      squares += error * error
    }
    let weight = max(sizes / count, 1e-5)
    return Side(weight: weight, loss: squares / count / weight)
  }

  /// Adds ∂L/∂v of one sample, L being the mean, times the rows of the mean.
  private func addSlopes(of sample: Sample, _ term: Term, to slopes: inout Slab, row: Int) {
    let (rows, count) = (Double(slopes.rows), Double(slopes.columns))
    let (t, scale) = (sample.time, bound / beta)
    for (i, place) in slopes.range(ofRow: row).enumerated() {
      let above = sample.error(i, now: beta, before: 1 - beta)
      let below = sample.error(i, now: -beta, before: 1 + beta)
      let positive = -2 * t * beta * above / (count * term.positive.weight)
      let negative = -2 * t * -beta * below / (count * term.negative.weight)
      let slope = scale * (term.share * positive + (1 - term.share) * negative)
      slopes.scalars[place] = Float(1 / rows * slope * rows)
    }
  }
}
