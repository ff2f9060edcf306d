import Objective
import Records
import Rewards

extension Update {
  /// What an update says of itself; no part of the numbers.
  package struct Report: Sendable {
    /// Mean reward of the branches, of several the weighted sum.
    package var reward: Double
    /// The reward of every branch, of several the weighted sum.
    package var rewards: [Float]
    /// The mean of each reward, in the recipe's order.
    package var parts: [(name: String, mean: Double)]
    /// Mean over seed groups of the deviation of their rewards.
    package var rewardDeviation: Double
    /// Means over branching points: policy loss and KL without β.
    package var policyLoss: Double
    package var divergence: Double
    /// The largest |ρ − 1| of the first minibatch, before any step of this update.
    package var firstRatioDeviation: Double
    /// The largest |ρ − 1| of one unit at the parameters that sampled it, which the learner computed again;
    /// nil of models where it is 0 by construction.
    package var samplerRatioDeviation: Double?
    package var clippedShare: Double
    /// Seed groups whose rewards are all equal.
    package var zeroVarianceShare: Double
    /// Mean over the optimiser steps, before clipping.
    package var gradientNorm: Double
    package var skippedSteps: Int
    /// Committed versions between the parameters that sampled each unit and those that learn.
    package var lags: [UInt64]
    /// Clipped share of the ratios of units of each lag; empty of losses without recorded noises.
    package var clippedShareOfLag: [UInt64: Double]
    /// (Σw)² / (n·Σw²) of the importance weights: 1 where all samples count alike.
    package var effectiveShare: Double
  }

  /// Running sums behind a ``Report``.
  struct Tally {
    /// Rows of the network: points, or outcomes at their times.
    var points = 0
    var policyLoss = 0.0
    var divergence = 0.0
    var slowDivergence = 0.0
    var branches = 0
    var clipped = 0
    var firstRatioDeviation = 0.0
    private var ofLag: [UInt64: (ratios: Int, clipped: Int)] = [:]
    /// Of the importance weights.
    var weights = (count: 0.0, sum: 0.0, squares: 0.0)

    /// - Parameter lags: of each row, where its noises are recorded.
    mutating func add(_ result: LossResult, rows: Int, lags: [UInt64], isFirst: Bool) {
      points += rows
      for part in result.parts { policyLoss += part }
      for (lag, ratios) in zip(lags, result.ratios) {
        ofLag[lag, default: (0, 0)].ratios += ratios.values.count
        ofLag[lag, default: (0, 0)].clipped += ratios.clipped
      }
      for ratios in result.ratios {
        branches += ratios.values.count
        clipped += ratios.clipped
        if !isFirst { continue }
        for ratio in ratios.values {
          firstRatioDeviation = max(firstRatioDeviation, abs(Double(ratio) - 1))
        }
      }
      for weight in result.importance {
        weights.count += 1
        weights.sum += Double(weight)
        weights.squares += Double(weight) * Double(weight)
      }
    }

    func report(
      _ trajectories: [Trajectory], recipe: Recipe, norms: [Double], skipped: Int
    ) -> Report {
      let credit = recipe.algorithm.credit
      let plan = UnitAddress(trajectories[0].unit, in: recipe).plan
      let vectors = trajectories.flatMap(\.judged).map(\.rewards)
      let rewards = vectors.map { Float(credit.mix.sum($0)) }
      let places = trajectories.indices.flatMap {
        credit.places(in: plan, unit: $0, layout: recipe.layout).map {
          [$0.column, $0.group]
        }
      }
      let groups = Dictionary(grouping: rewards.indices) { places[$0] }.sorted {
        $0.value[0] < $1.value[0]
      }
      .map { $0.value.map { rewards[$0] } }
      let flat = groups.count { group in group.allSatisfy { $0 == group[0] } }
      let points = max(points, 1)
      let lags = trajectories.map {
        UnitAddress($0.unit, in: recipe).lag(of: $0.version)
      }
      return Report(
        reward: Self.mean(rewards), rewards: rewards,
        parts: recipe.rewards.enumerated().map { part in
          (part.element.name, Self.mean(vectors.map { $0[part.offset] }))
        },
        rewardDeviation: groups.reduce(0) { $0 + Self.deviation($1) } / Double(groups.count),
        policyLoss: policyLoss / Double(points), divergence: divergence / Double(points),
        firstRatioDeviation: firstRatioDeviation,
        clippedShare: Double(clipped) / Double(max(branches, 1)),
        zeroVarianceShare: Double(flat) / Double(groups.count),
        gradientNorm: norms.isEmpty ? .nan : norms.reduce(0, +) / Double(norms.count),
        skippedSteps: skipped, lags: lags,
        clippedShareOfLag: ofLag.mapValues { Double($0.clipped) / Double($0.ratios) },
        effectiveShare: weights.count > 0
          ? weights.sum * weights.sum / weights.squares / weights.count : 1)
    }

    private static func mean(_ values: [Float]) -> Double {
      values.reduce(0) { $0 + Double($1) } / Double(values.count)
    }

    private static func deviation(_ values: [Float]) -> Double {
      let mean = mean(values)
      let squares = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
      return (squares / Double(values.count)).squareRoot()
    }
  }
}
