import Tasks
import Telemetry

extension Update.Report {
  /// The report as named metrics.
  var metrics: [Metric: Double] {
    var metrics: [Metric: Double] = [
      .reward: reward, .rewardDeviation: rewardDeviation, .policyLoss: policyLoss,
      .divergence: divergence,
      .firstRatio: firstRatioDeviation, .clipped: clippedShare, .zeroVariance: zeroVarianceShare,
      .gradientNorm: gradientNorm, .skipped: Double(skippedSteps),
      .lag: Double(lags.reduce(0, +)) / Double(lags.count), .lagMax: Double(lags.max() ?? 0),
      .effectiveShare: effectiveShare,
    ]
    if parts.count > 1 { for part in parts { metrics[.part(part.name)] = part.mean } }
    return metrics
  }
}

extension Evaluation {
  /// The evaluation as named metrics.
  var metrics: [Metric: Double] {
    let varied = measures.diversity.values
    return [
      .soft: soft, .strict: strict, .heldOut: heldOut, .offCanvas: measures.offCanvas,
      .diversity: varied.isEmpty ? .nan : varied.sorted().reduce(0, +) / Double(varied.count),
    ]
  }
}
