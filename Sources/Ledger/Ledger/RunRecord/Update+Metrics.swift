package import Learning
import Tasks
package import Telemetry

extension Update.Report {
  /// The report as named metrics.
  package var metrics: [Metric: Double] {
    var metrics: [Metric: Double] = [
      .reward: reward, .rewardDeviation: rewardDeviation, .policyLoss: policyLoss,
      .divergence: divergence,
      .firstRatio: firstRatioDeviation, .clipped: clippedShare, .zeroVariance: zeroVarianceShare,
      .gradientNorm: gradientNorm, .skipped: Double(skippedSteps),
      .lag: Double(lags.reduce(0, +)) / Double(lags.count), .lagMax: Double(lags.max() ?? 0),
      .effectiveShare: effectiveShare,
    ]
    metrics[.samplerRatio] = samplerRatioDeviation
    if parts.count > 1 {
      for part in parts { metrics[MetricFamily.part[part.name]] = part.mean }
    }
    for (lag, share) in clippedShareOfLag { metrics[MetricFamily.clippedOfLag["\(lag)"]] = share }
    return metrics
  }
}

extension Evaluation {
  /// The evaluation as named metrics.
  package func metrics(for yardstick: Yardstick) -> [Metric: Double] {
    let varied = measures.diversity.values
    var metrics: [Metric: Double] = [
      .offCanvas: measures.offCanvas,
      .diversity: varied.isEmpty ? .nan : varied.sorted().reduce(0, +) / Double(varied.count),
    ]
    metrics[.soft] = soft
    metrics[.strict] = strict
    metrics[.heldOut] = heldOut
    for category in categories {
      metrics[MetricFamily.soft[category.name]] = category.soft
      metrics[MetricFamily.strict[category.name]] = category.strict
    }
    for (name, value) in measures.diversity { metrics[MetricFamily.diversity[name]] = value }
    if let rewards {
      metrics[.heldOutReward] = rewards.mix.value
      for (name, mean) in rewards.parts {
        metrics[MetricFamily.heldOutReward[name]] = mean.value
      }
      metrics[.error] = rewards[yardstick]?.error
    }
    return metrics
  }
}
