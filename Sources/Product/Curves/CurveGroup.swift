package import Telemetry

/// Runs that differ by their seed alone.
package struct CurveGroup: Sendable {
  package var name: String
  package let runs: [RunCurve]
  /// What measures these runs, where that is not the task's judges.
  package let own: OwnMeasure?

  /// A number that runs were trained for, and its name for people.
  package struct OwnMeasure: Hashable, Sendable {
    package var metric: Metric
    package var title: String

    package init(_ metric: Metric, title: String) {
      self.metric = metric
      self.title = title
    }
  }

  package init(name: String, runs: [RunCurve], own: OwnMeasure? = nil) {
    self.name = name
    self.runs = runs
    self.own = own
  }

  /// A version's place on an axis and its value, both over the runs that have both.
  package struct Point: Hashable, Sendable {
    package var version: UInt64
    /// The mean: runs of one update differ in their core-seconds.
    package var position: Double
    package var value: Estimate
  }

  /// Ascending versions; empty where nothing was recorded.
  package func points(of metric: Metric, over axis: Axis) -> [Point] {
    Set(runs.flatMap(\.versions)).sorted().compactMap { version in
      let pairs = runs.compactMap { run in
        run[metric, version].flatMap { value in
          run.position(of: version, on: axis).map { (position: $0, value: value) }
        }
      }
      guard let value = Estimate(of: pairs.map(\.value)) else { return nil }
      let position = pairs.map(\.position).reduce(0, +) / Double(pairs.count)
      return Point(version: version, position: position, value: value)
    }
  }

  /// The last version that every run has evaluated.
  package var lastCommonEvaluation: UInt64? {
    let evaluated = runs.map { run in Set(run.versions.filter { run[.soft, $0] != nil }) }
    return evaluated.dropFirst().reduce(evaluated.first ?? []) { $0.intersection($1) }.max()
  }

  /// A metric at a version, over the runs that have it.
  package func estimate(of metric: Metric, at version: UInt64) -> Estimate? {
    Estimate(of: runs.compactMap { $0[metric, version] })
  }

  /// A place on an axis, over the runs that have it.
  package func estimate(of axis: Axis, at version: UInt64) -> Estimate? {
    Estimate(of: runs.compactMap { $0.position(of: version, on: axis) })
  }

  /// Different parameters among the runs' newest: as many as seeds, unless a seed ran twice.
  package var hashes: Int { Set(runs.compactMap(\.paramsHash)).count }
}
