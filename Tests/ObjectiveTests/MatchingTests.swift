import Foundation
import Tensor
import TestSupport
import Testing

import Objective

/// Each objective beside a slow literal second version, whose slope is taken by differences.
struct MatchingTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>, NegativeAwareFineTuning.Advantages.allCases)
  func `negative-aware fine-tuning is its literal formula`(
    seed: UInt64, kept: NegativeAwareFineTuning.Advantages
  ) {
    var random = SplitMix64(seed: seed)
    let (state, clean) = (floats(7, &random), floats(7, &random))
    let (velocity, old) = (floats(7, &random), floats(7, &random))
    let time = Float.random(in: 0.01...1, using: &random)
    let advantage = Double.random(in: -8...8, using: &random)
    let beta = Double.random(in: 0.1...1.5, using: &random)
    let objective = NegativeAwareFineTuning(beta: beta, advantages: kept)
    let term = objective.term(
      of: NegativeAwareFineTuning.Sample(
        state: state[...], clean: clean[...], time: time, velocity: velocity[...], old: old[...]),
      advantage: advantage)
    let t = Double(time)
    func errors(_ v: [Double], _ sign: Double) -> [Double] {
      v.indices.map { i in
        let mixed = sign * beta * v[i] + (1 - sign * beta) * Double(old[i])
        return Double(state[i]) - t * mixed - Double(clean[i])
      }
    }
    let point = velocity.map(Double.init)
    let weights = [1.0, -1].map { sign in errors(point, sign).map(abs).reduce(0, +) / 7 }
    func literal(_ v: [Double]) -> Double {
      let sides = zip([1.0, -1], weights).map { sign, weight in
        errors(v, sign).map { $0 * $0 / weight }.reduce(0, +) / 7
      }
      return 5 / beta * (term.share * sides[0] + (1 - term.share) * sides[1])
    }
    #expect(abs(term.loss - literal(point)) < 1e-9 * (1 + term.loss))
    var outcomes = outcomes([velocity], [Float(advantage)], times: [time])
    outcomes.states = Slab([state])
    outcomes.clean = Slab([clean])
    let result = objective.loss(
      of: outcomes, at: Velocities(policy: Slab([velocity]), old: Slab([old])))
    #expect(abs(result.value - literal(point)) < 1e-5 * (1 + result.value))
    expectSlope(result.slopes, of: literal, at: point)
    let inside = min(max(advantage, -5), 5)
    let share: Double =
      switch kept {
      case .all: 0.5 + inside / 10
      case .positive: 0.5 + max(inside, 0) / 10
      case .negative: 0.5 + min(inside, 0) / 10
      case .one: inside > 0 ? 0.6 : 0.5
      case .binary: inside > 0 ? 0.6 : 0.4
      }
    #expect(abs(term.share - share) < 1e-12)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `at the old policy and an even share nothing pulls`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let v = floats(9, &random)
    var outcomes = outcomes([v], [0], times: [0.4])
    outcomes.states = Slab([floats(9, &random)])
    outcomes.clean = Slab([floats(9, &random)])
    let objective = NegativeAwareFineTuning(beta: 0.3)
    #expect(objective.share(of: 0) == 0.5)
    let velocities = Velocities(policy: Slab([v]), old: Slab([v]))
    #expect(
      objective.loss(of: outcomes, at: velocities).slopes.scalars.allSatisfy { abs($0) < 1e-12 })
    outcomes.advantages = [1]
    #expect(
      objective.loss(of: outcomes, at: velocities).slopes.scalars.contains { abs($0) > 1e-3 })
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>, AdvantageWeightedMatching.Order.allCases)
  func `advantage-weighted matching is its literal formula under every weighting`(
    seed: UInt64, order: AdvantageWeightedMatching.Order
  ) {
    var random = SplitMix64(seed: seed)
    let times = (0..<3).map { _ in Float.random(in: 0.05...1, using: &random) }
    let targets = times.map { _ in floats(5, &random) }
    let velocities = times.map { _ in floats(5, &random) }
    let advantage = Float.random(in: -2...2, using: &random)
    for (weighting, formula) in weightings {
      let objective = AdvantageWeightedMatching(
        weighting: weighting, order: order, surrogate: ClippedSurrogate(clip: 0.2))
      func densities(_ v: [Double]) -> [Double] {
        times.indices.map { k in
          let error =
            (0..<5).map { i in
              (v[5 * k + i] - Double(targets[k][i])) * (v[5 * k + i] - Double(targets[k][i]))
            }.reduce(0, +) / 5
          return formula(error, Double(times[k]))
        }
      }
      let point = velocities.flatMap { $0.map(Double.init) }
      // Inside and outside the clip, not on its corners.
      let old = zip(densities(point), [-0.5, 0.07, 0.4]).map { $0 + $1 }
      func literal(_ v: [Double]) -> Double {
        let differences = zip(densities(v), old).map { $0 - $1 }
        let exponents =
          order == .ratioOfEach ? differences : [differences.reduce(0, +) / 3]
        return exponents.map { exponent in
          let a = Double(advantage), ratio = exp(exponent)
          return max(-a * ratio, -a * min(max(ratio, 0.8), 1.2))
        }.reduce(0, +) / Double(exponents.count)
      }
      let terms = objective.terms(densities(point), old: old, advantage: advantage)
      let value = terms.reduce(0) { $0 + Double($1.loss) } / Double(terms.count)
      #expect(abs(value - literal(point)) < 1e-5)
      // ∂L/∂v = ∂L/∂log p · ∂log p/∂ℓ · 2(v − u)/D
      let gradient = times.indices.flatMap { k in
        let error = VelocityError(velocities[k][...], from: targets[k][...]).value
        let density = weighting.logDensity(error: error, time: Double(times[k]))
        #expect(abs(density.value - formula(error, Double(times[k]))) < 1e-9)
        let slope = Double(terms[order == .ratioOfEach ? k : 0].slope) * density.slope / 3
        return (0..<5).map { slope * 2 * (Double(velocities[k][$0]) - Double(targets[k][$0])) / 5 }
      }
      expectSlope(gradient, of: literal, at: point)
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `at the old policy every ratio is 1 and uniform weights are weighted regression`(
    seed: UInt64
  ) {
    var random = SplitMix64(seed: seed)
    let times: [Float] = [0.2, 0.9]
    let (velocities, targets) = (
      times.map { _ in floats(6, &random) }, times.map { _ in floats(6, &random) }
    )
    for (weighting, _) in weightings {
      for order in AdvantageWeightedMatching.Order.allCases {
        let objective = AdvantageWeightedMatching(
          weighting: weighting, order: order, surrogate: ClippedSurrogate(clip: 1e-4))
        let loss = objective.loss(
          of: outcomes(targets, [1.5], times: times),
          at: Velocities(policy: Slab(velocities), old: Slab(velocities)))
        #expect(loss.ratios[0].values.allSatisfy { $0 == 1 })
        #expect(loss.value == -1.5)
        guard weighting == .uniform else { continue }
        // The slopes of twice the mean over both rows.
        for (k, slopes) in loss.slopes.table.enumerated() {
          for (i, slope) in slopes.enumerated() {
            let error = Double(velocities[k][i]) - Double(targets[k][i])
            #expect(abs(Double(slope) - 1.5 * 2 * error / 6) < 1e-5)
          }
        }
      }
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `group preference is its literal formula with the weight held`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    func table() -> [[Float]] { (0..<4).map { _ in floats(5, &random) } }
    let (velocities, targets, references) = (table(), table(), table())
    let advantages = floats(4, &random)
    let objective = GroupPreference(beta: 0.7)
    let loss = objective.loss(
      of: outcomes(targets, advantages),
      at: Velocities(policy: Slab(velocities), reference: Slab(references)))
    func error(_ v: [Double], _ k: Int) -> Double {
      v.indices.map { pow(v[$0] - Double(targets[k][$0]), 2) }.reduce(0, +) / 5
    }
    let point = velocities.flatMap { $0.map(Double.init) }
    func part(_ v: [Double], _ k: Int) -> [Double] { Array(v[5 * k..<5 * k + 5]) }
    let sum = (0..<4).map { k in
      Double(advantages[k]) * 0.7
        * (error(part(point, k), k) - error(references[k].map(Double.init), k)) / 4
    }.reduce(0, +)
    let weight = 1 / (1 + exp(-sum))
    func literal(_ v: [Double]) -> Double {
      (0..<4).map { weight * Double(advantages[$0]) * error(part(v, $0), $0) }.reduce(0, +) / 4
    }
    #expect(abs(loss.value - literal(point)) < 1e-9)
    expectSlope(loss.slopes, of: literal, at: point)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `a pair's preference is its literal formula`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    func list() -> [Float] { floats(5, &random) }
    let (v, w, u) = ([list(), list()], [list(), list()], [list(), list()])
    let beta = Double.random(in: 0.1...3, using: &random)
    func loss(_ reference: [[Float]], beta: Double) -> MatchingResult {
      PairPreference(beta: beta).loss(
        of: outcomes(u, [1, -1]), at: Velocities(policy: Slab(v), reference: Slab(reference)))
    }
    let found = loss(w, beta: beta)
    func error(_ v: [Double], _ k: Int) -> Double {
      v.indices.map { pow(v[$0] - Double(u[k][$0]), 2) }.reduce(0, +) / 5
    }
    func literal(_ both: [Double]) -> Double {
      let gains = (0..<2).map { k in
        error(Array(both[5 * k..<5 * k + 5]), k) - error(w[k].map(Double.init), k)
      }
      return -log(1 / (1 + exp(beta / 2 * (gains[0] - gains[1]))))
    }
    let point = (v[0] + v[1]).map(Double.init)
    #expect(abs(found.value - literal(point)) < 1e-9)
    expectSlope(found.slopes, of: literal, at: point)
    #expect(abs(loss(v, beta: 5000).value - log(2)) < 1e-12)
  }

  @Test(
    arguments: 1...10 as ClosedRange<UInt64>,
    [CentredReward.Centre.uniform, .temperature(0.5), .temperature(3), .hard])
  func `centred rewards are their literal formula with the centre held`(
    seed: UInt64, centre: CentredReward.Centre
  ) {
    var random = SplitMix64(seed: seed)
    func table() -> [[Float]] { (0..<4).map { _ in floats(3, &random) } }
    let (velocities, targets, old) = (table(), table(), table())
    let advantages = (0..<4).map { _ in Float.random(in: -6...6, using: &random) }
    let shares = advantages.map { min(max(Double($0) / 10 + 0.5, 0), 1) }
    for kind in CentredReward.Kind.allCases {
      let objective = CentredReward(centre: centre, kind: kind, beta: 0.8)
      let loss = objective.loss(
        of: outcomes(targets, advantages),
        at: Velocities(policy: Slab(velocities), old: Slab(old)))
      func weight(_ v: [Double], _ k: Int) -> Double {
        v.indices.map { abs(v[$0] - Double(targets[k][$0])) }.reduce(0, +) / 3
      }
      let held = (0..<4).map { weight(velocities[$0].map(Double.init), $0) }
      func rewards(_ v: [Double]) -> [Double] {
        (0..<4).map { k in
          let before = old[k].map(Double.init)
          return (0..<3).map { i in
            pow(before[i] - Double(targets[k][i]), 2) / weight(before, k)
              - pow(v[3 * k + i] - Double(targets[k][i]), 2) / held[k]
          }.reduce(0, +) / 3
        }
      }
      let point = velocities.flatMap { $0.map(Double.init) }
      let fixed = rewards(point)
      func literal(_ v: [Double]) -> Double {
        let now = rewards(v)
        let centres = literalCentres(centre, shares)
        var sum = 0.0
        for p in centres {
          let middle = zip(p, fixed).map(*).reduce(0, +)
          let middleShare = zip(p, shares).map(*).reduce(0, +)
          for k in 0..<4 {
            let z = 0.8 * (now[k] - middle), a = shares[k] - middleShare
            let y = 1 / (1 + exp(-a)), guess = 1 / (1 + exp(-z))
            sum +=
              kind == .squared
              ? (z - a) * (z - a) : -y * log(guess) - (1 - y) * log(1 - guess)
          }
        }
        return 5 / 0.8 * sum / 4 / Double(centres.count)
      }
      #expect(abs(loss.value - literal(point)) < 1e-8 * (1 + abs(loss.value)))
      expectSlope(loss.slopes, of: literal, at: point)
    }
  }

  @Test func `a lagged policy forgets less and less`() {
    for schedule in LaggedDecay.allCases {
      let decays = (0..<1200).map { schedule.decay(at: $0) }
      #expect(decays.allSatisfy { (0..<1).contains($0) })
      #expect(zip(decays, decays.dropFirst()).allSatisfy(<=))
    }
    #expect(LaggedDecay.late.decay(at: 75) == 0 && LaggedDecay.late.decay(at: 76) > 0)
    #expect(LaggedDecay.slow.decay(at: 10_000) == 0.5)
  }
}

/// Outcomes at one time each, or one outcome at several.
private func outcomes(
  _ targets: [[Float]], _ advantages: [Float], times: [Float]? = nil
) -> NoisyOutcomes {
  var outcomes = NoisyOutcomes()
  outcomes.advantages = advantages
  outcomes.groups = advantages.map { _ in 0 }
  outcomes.times = times ?? targets.map { _ in 0.5 }
  outcomes.targets = Slab(targets)
  return outcomes
}

private let weightings:
  [(AdvantageWeightedMatching.Weighting, @Sendable (Double, Double) -> Double)] = [
    (.uniform, { -$0 + 0 * $1 }), (.time, { -$0 * $1 }), (.timeSquared, { -$0 * $1 * $1 }),
    (.huber, { -(sqrt($0 + 1e-10) - 1e-5) * $1 }),
    (.generalisedHuber(power: 0.25), { -(pow($0 + 1e-10, 0.25) - pow(1e-10, 0.25)) * $1 / 0.25 }),
    (.generalisedHuber(power: 0.7), { -(pow($0 + 1e-10, 0.7) - pow(1e-10, 0.7)) * $1 / 0.7 }),
  ]

private func literalCentres(_ centre: CentredReward.Centre, _ shares: [Double]) -> [[Double]] {
  func normalised(_ values: [Double]) -> [Double] {
    let sum = values.reduce(0, +)
    return values.map { $0 / sum }
  }
  let even = normalised(shares.map { _ in 1 })
  switch centre {
  case .uniform: return [even]
  case .temperature(let t):
    return [normalised(shares.map { exp($0 / t) }), normalised(shares.map { exp(-$0 / t) })]
  case .hard: return [normalised(shares.map { $0 > 0 ? exp($0) : 0 }), even]
  }
}

/// Whether the slopes of R times a loss are those of a literal function.
private func expectSlope(
  _ slopes: Slab, of literal: ([Double]) -> Double, at point: [Double],
  location: SourceLocation = #_sourceLocation
) {
  expectSlope(
    slopes.scalars.map { Double($0) / Double(slopes.rows) }, of: literal, at: point,
    location: location)
}

/// Whether a hand gradient is the slope of a literal function.
func expectSlope(
  _ gradient: [Double], of literal: ([Double]) -> Double, at point: [Double],
  location: SourceLocation = #_sourceLocation
) {
  let slopes = finiteDifferences(of: literal, at: point, step: 1e-6).map { Float($0) }
  #expect(
    worstDeviation(gradient.map { Float($0) }, slopes) < 1e-4
      || slopes.allSatisfy { abs($0) < 1e-6 } && gradient.allSatisfy { abs($0) < 1e-6 },
    sourceLocation: location)
}
