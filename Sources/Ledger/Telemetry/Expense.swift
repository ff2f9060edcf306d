/// What a run's updates have cost since version 0: the axes that runs are compared over.
///
/// The sums go on over the lives of a learner, from the last line of its metrics. A run whose older
/// lines have no such numbers never gets them: a sum from the middle would be wrong.
package struct Expense: Hashable, Sendable {
  /// Network evaluations of sampling.
  package var evaluations: Double
  package var judged: Double
  package var coreSeconds: Double

  package init(evaluations: Double = 0, judged: Double = 0, coreSeconds: Double = 0) {
    self.evaluations = evaluations
    self.judged = judged
    self.coreSeconds = coreSeconds
  }

  /// What the lines of `metrics.jsonl` came to, nil for those of a release that did not count.
  package init?(after lines: [[String: Double]]) {
    self.init()
    let updates = lines.filter { $0[Metric.reward.name] != nil }
    guard let last = updates.max(by: { ($0["version"] ?? 0) < ($1["version"] ?? 0) }) else {
      return
    }
    guard let evaluations = last[Metric.evaluations.name], let judged = last[Metric.judged.name],
      let coreSeconds = last[Metric.coreSeconds.name]
    else { return nil }
    self.init(evaluations: evaluations, judged: judged, coreSeconds: coreSeconds)
  }

  package static func += (sum: inout Expense, more: Expense) {
    sum.evaluations += more.evaluations
    sum.judged += more.judged
    sum.coreSeconds += more.coreSeconds
  }

  package var metrics: [Metric: Double] {
    [.evaluations: evaluations, .judged: judged, .coreSeconds: coreSeconds]
  }
}
