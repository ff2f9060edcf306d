import Curves
import Telemetry

/// A run as its metrics would say.
func run(
  seed: UInt64, soft: [UInt64: Double], coreSeconds: Double? = 2, hash: String? = nil
) -> RunCurve {
  var lines: [[String: Double]] = []
  for (version, score) in soft.sorted(by: { $0.key < $1.key }) {
    let k = Double(version)
    if version > 0 {
      var line = ["version": k, Metric.reward.name: score / 2]
      if let coreSeconds {
        line[Metric.evaluations.name] = 100 * k
        line[Metric.judged.name] = 10 * k
        line[Metric.coreSeconds.name] = coreSeconds * k
      }
      lines.append(line)
    }
    lines.append(["version": k, Metric.soft.name: score])
  }
  return RunCurve(path: "runs/x/seed-\(seed)", seed: seed, paramsHash: hash, lines: lines)
}
