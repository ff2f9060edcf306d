import Telemetry

extension Update.Report {
  /// The report as named metrics.
  var metrics: [Metric: Double] {
    [
      .reward: reward, .policyLoss: policyLoss, .divergence: divergence,
      .firstRatio: firstRatioDeviation, .clipped: clippedShare, .zeroVariance: zeroVarianceShare,
      .gradientNorm: gradientNorm, .skipped: Double(skippedSteps),
    ]
  }
}
