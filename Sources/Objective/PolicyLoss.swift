/// What a policy is trained on.
package enum PolicyLoss: Sendable {
  /// Ratios of the densities of recorded noises.
  case clipped(ClippedSurrogate)
  /// The same with GRPO-Guard's ratio.
  case guarded(GuardedRatio)
  /// Errors of flow matching at the clean outcomes, with fresh noise: no density of the sampler.
  case matching(Matching)

  /// Whether its gradient at one row depends on rows of other units.
  package var couplesUnits: Bool {
    if case .matching(let matching) = self { matching.loss.couplesUnits } else { false }
  }

  /// The same where no clip binds: smooth, for comparisons with finite differences.
  package var unclipped: PolicyLoss {
    let open = ClippedSurrogate(clip: 1e9)
    switch self {
    case .clipped: return .clipped(open)
    case .guarded(var ratio):
      ratio.surrogate = open
      return .guarded(ratio)
    case .matching(var matching):
      if case .advantageWeighted(var loss) = matching.loss {
        loss.surrogate = open
        matching.loss = .advantageWeighted(loss)
      }
      return .matching(matching)
    }
  }

  /// The matching loss, if it is one.
  package var matching: Matching? {
    if case .matching(let matching) = self { matching } else { nil }
  }
}

/// Losses on noisy versions of clean outcomes.
///
///     x_t = (1 − t)·x₀ + t·x₁,        u = x₁ − x₀,        ℓ = mean_D (v(x_t, t) − u)²
///
/// with K times of each outcome, one from each of K equal shares of the grid's inner times.
package struct Matching: Sendable {
  package enum Loss: Sendable {
    /// A·ℓ: regression, weighted by the advantage.
    case regression
    case advantageWeighted(AdvantageWeightedMatching)
    case negativeAware(NegativeAwareFineTuning)
    case groupPreference(GroupPreference)
    /// Of each group its best and its worst.
    case pairPreference(PairPreference)
    case centredReward(CentredReward)

    package var couplesUnits: Bool {
      switch self {
      case .regression, .advantageWeighted, .negativeAware: false
      case .groupPreference, .pairPreference, .centredReward: true
      }
    }

    /// Whether the outcomes of a group share times and noises, because they are compared at them.
    package var sharesNoise: Bool {
      switch self {
      case .groupPreference, .pairPreference: true
      default: false
      }
    }

    /// Whether factors of it are held fixed, so that its gradient is not that of its value.
    package var holdsFactors: Bool {
      switch self {
      case .negativeAware, .groupPreference, .centredReward: true
      default: false
      }
    }

    package var readsOld: Bool {
      switch self {
      case .advantageWeighted, .negativeAware, .centredReward: true
      case .regression, .groupPreference, .pairPreference: false
      }
    }

    package var readsReference: Bool {
      switch self {
      case .groupPreference, .pairPreference: true
      default: false
      }
    }
  }

  package var loss: Loss
  /// K.
  package var times: Int

  package init(_ loss: Loss, times: Int) {
    self.loss = loss
    self.times = times
  }

  /// Some outcomes at their K times: rows are outcome by outcome, `[outcome · K]`.
  package struct Batch: Sendable {
    /// A, and a number for each group of outcomes that are compared, `[outcome]`.
    package var advantages: [Float] = []
    package var groups: [Int] = []
    /// t, `[row]`.
    package var times: [Float] = []
    /// x₀, x_t and u, each `[row][D]`.
    package var clean: [[Float]] = []
    package var states: [[Float]] = []
    package var targets: [[Float]] = []
    /// v of the policy, and of the others where the loss reads them, `[row][D]`.
    package var velocities: [[Float]] = []
    package var old: [[Float]] = []
    package var references: [[Float]] = []

    package init() {}
  }

  package struct Result: Sendable {
    /// The mean over the batch's outcomes, or over its pairs.
    package var value: Double
    /// Its derivative with respect to v, `[row][D]`.
    package var gradient: [[Double]]
    /// ρ, of losses that have one.
    package var ratios: [Float] = []
    package var clipped = 0
  }

  package func loss(of batch: Batch) -> Result {
    switch loss {
    case .regression: return regression(batch)
    case .advantageWeighted(let loss): return advantageWeighted(batch, loss)
    case .negativeAware(let loss): return negativeAware(batch, loss)
    case .groupPreference(let loss): return groupPreference(batch, loss)
    case .pairPreference(let loss): return pairPreference(batch, loss)
    case .centredReward(let loss): return centredReward(batch, loss)
    }
  }

  private func rows(of outcome: Int) -> Range<Int> { outcome * times..<(outcome + 1) * times }

  private func regression(_ batch: Batch) -> Result {
    let scale = 1 / Double(batch.times.count)
    var result = Result(value: 0, gradient: [])
    for row in batch.times.indices {
      let weight = scale * Double(batch.advantages[row / times])
      let error = VelocityError(batch.velocities[row], from: batch.targets[row])
      result.value += weight * error.value
      result.gradient.append(error.gradient.map { weight * $0 })
    }
    return result
  }

  private func advantageWeighted(_ batch: Batch, _ loss: AdvantageWeightedMatching) -> Result {
    let scale = 1 / Double(batch.advantages.count)
    var result = Result(value: 0, gradient: [])
    for (outcome, advantage) in batch.advantages.enumerated() {
      let rows = rows(of: outcome)
      let (targets, times) = (Array(batch.targets[rows]), Array(batch.times[rows]))
      let term = loss.loss(
        Array(batch.velocities[rows]), targets: targets, times: times,
        old: loss.logDensities(Array(batch.old[rows]), targets: targets, times: times),
        advantage: advantage)
      result.value += scale * term.value
      result.gradient += term.gradient.map { $0.map { scale * $0 } }
      result.ratios += term.ratios
      result.clipped += term.clipped
    }
    return result
  }

  private func negativeAware(_ batch: Batch, _ loss: NegativeAwareFineTuning) -> Result {
    let scale = 1 / Double(batch.times.count)
    var result = Result(value: 0, gradient: [])
    for row in batch.times.indices {
      let term = loss.term(
        state: batch.states[row], clean: batch.clean[row], time: batch.times[row],
        velocity: batch.velocities[row], old: batch.old[row],
        advantage: Double(batch.advantages[row / times]))
      result.value += scale * term.loss
      result.gradient.append(term.gradient.map { scale * $0 })
    }
    return result
  }

  private func groupPreference(_ batch: Batch, _ loss: GroupPreference) -> Result {
    let scale = 1 / Double(batch.times.count)
    var result = Result(value: 0, gradient: batch.velocities.map { $0.map { _ in 0 } })
    for members in groups(of: batch) {
      for time in 0..<times {
        let rows = members.map { $0 * times + time }
        let group = loss.group(
          rows.map { batch.velocities[$0] }, targets: rows.map { batch.targets[$0] },
          references: rows.map { batch.references[$0] }, old: [],
          advantages: members.map { Double(batch.advantages[$0]) }, size: members.count)
        result.value += scale * group.losses.reduce(0, +)
        for (row, gradient) in zip(rows, group.gradients) {
          result.gradient[row] = gradient.map { scale * $0 }
        }
      }
    }
    return result
  }

  private func pairPreference(_ batch: Batch, _ loss: PairPreference) -> Result {
    var result = Result(value: 0, gradient: batch.velocities.map { $0.map { _ in 0 } })
    let pairs = groups(of: batch).compactMap { members -> (best: Int, worst: Int)? in
      let advantages = members.map { batch.advantages[$0] }
      guard let most = advantages.max(), let least = advantages.min(), most > least else {
        return nil
      }
      return (
        members[advantages.firstIndex(of: most) ?? 0],
        members[advantages.firstIndex(of: least) ?? 0]
      )
    }
    let scale = 1 / Double(max(pairs.count * times, 1))
    func sample(_ row: Int) -> PairPreference.Sample {
      PairPreference.Sample(
        velocity: batch.velocities[row], reference: batch.references[row],
        target: batch.targets[row])
    }
    for pair in pairs {
      for time in 0..<times {
        let (best, worst) = (pair.best * times + time, pair.worst * times + time)
        let term = loss.term(chosen: sample(best), rejected: sample(worst))
        result.value += scale * term.loss
        result.gradient[best] = term.chosen.map { scale * $0 }
        result.gradient[worst] = term.rejected.map { scale * $0 }
      }
    }
    return result
  }

  private func centredReward(_ batch: Batch, _ loss: CentredReward) -> Result {
    let scale = 1 / Double(times)
    var result = Result(value: 0, gradient: batch.velocities.map { $0.map { _ in 0 } })
    for time in 0..<times {
      let rows = batch.advantages.indices.map { $0 * times + time }
      let term = loss.loss(
        rows.map { batch.velocities[$0] }, old: rows.map { batch.old[$0] },
        targets: rows.map { batch.targets[$0] }, advantages: batch.advantages.map { Double($0) })
      result.value += scale * term.value
      for (row, gradient) in zip(rows, term.gradient) {
        result.gradient[row] = gradient.map { scale * $0 }
      }
    }
    return result
  }

  /// The outcomes of each group, in order of first appearance.
  private func groups(of batch: Batch) -> [[Int]] {
    var members: [Int: [Int]] = [:]
    var order: [Int] = []
    for (outcome, group) in batch.groups.enumerated() {
      if members[group] == nil { order.append(group) }
      members[group, default: []].append(outcome)
    }
    return order.map { members[$0] ?? [] }
  }
}
