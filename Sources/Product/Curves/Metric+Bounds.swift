import Telemetry

extension Metric {
  /// Where the values of a metric can be; nil where nothing bounds them.
  var bounds: ClosedRange<Double>? {
    let shares: [Metric] = [
      .soft, .strict, .heldOut, .diversity, .offCanvas, .clipped, .zeroVariance, .effectiveShare,
    ]
    return shares.contains(self) ? 0...1 : nil
  }
}
