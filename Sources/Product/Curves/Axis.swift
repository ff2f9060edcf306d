package import Telemetry

/// What runs are compared over.
package enum Axis: String, CaseIterable, Sendable {
  case updates, judged, evaluations
  case coreSeconds = "core-seconds"

  /// The sum that a run keeps of it; updates are the version itself.
  package var metric: Metric? {
    switch self {
    case .updates: nil
    case .judged: .judged
    case .evaluations: .evaluations
    case .coreSeconds: .coreSeconds
    }
  }

  package var title: String {
    switch self {
    case .updates: "updates"
    case .judged: "judged pictures"
    case .evaluations: "network evaluations"
    case .coreSeconds: "core-seconds"
    }
  }
}
