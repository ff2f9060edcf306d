import Telemetry

extension RunStatus {
  /// The status as Prometheus reads it; what is not known is left out.
  package var exposition: String {
    var page = Exposition()
    addLearner(to: &page)
    addTraining(to: &page)
    if let exchange { Self.add(exchange, to: &page) }
    page.add(.journalBytes, disk?.journalBytes.map { Double($0) })
    if let learner {
      page.add(
        summary: .journalSeconds, sum: learner.journalSeconds, count: Double(learner.journalWrites))
    }
    page.add(.diskFree, (disk?.freeBytes).map { Double($0) })
    page.add(.diskNeeded, disk?.neededBytes.map { Double($0) })
    page.add(
      .alarms,
      Alarm.Kind.allCases.map {
        ([$0.rawValue], Double(learner?.alarmCounts[$0.rawValue] ?? 0))
      })
    return page.text
  }

  private func addLearner(to page: inout Exposition) {
    guard let learner else { return }
    page.add(.info, [([learner.release, run.runID, run.task, run.numericsClass], 1)])
    page.add(.start, (time - learner.age).rounded())
    page.add(.generation, Double(run.generation))
    page.add(.ready, learner.phase == .training || learner.phase == .evaluating ? 1 : 0)
    page.add(.evaluating, learner.phase == .evaluating ? 1 : 0)
    page.add(.paused, exchange.map { $0.isPaused ? 1 : 0 })
    page.add(.memory, learner.memoryBytes)
    page.add(.parameters, Double(learner.parametersBytes))
  }

  private func addTraining(to page: inout Exposition) {
    page.add(.version, Double(progress.version))
    page.add(.target, Double(progress.target))
    page.add(.updates, Double(progress.updates ?? 0))
    page.add(.progressAge, progress.age)
    let seconds = progress.updateSeconds
    page.add(
      summary: .updateSeconds, quantiles: seconds.map { [("0.5", $0.median)] } ?? [],
      sum: seconds?.sum ?? 0, count: Double(progress.updates ?? 0))
    page.add(.learnSeconds, seconds?.learn ?? 0)
    page.add(.waitSeconds, seconds?.wait ?? 0)
    if let lag = progress.lag {
      page.add(
        histogram: .lag, bounds: Lag.bounds.map { Double($0) }, counts: lag.counts, sum: lag.sum)
    }
    // Only those of one name: others have a part that a configuration chose.
    page.add(
      .newest,
      Metric.ofUpdates.compactMap { metric in
        newest?[metric.name].map { ([metric.name], $0) }
      })
    if let evaluation {
      page.add(.evaluationVersion, Double(evaluation.version))
      let scores = [
        ("soft", evaluation.soft), ("strict", evaluation.strict), ("held_out", evaluation.heldOut),
        ("reward", evaluation.reward),
      ]
      page.add(.evaluation, scores.compactMap { name, score in score.map { ([name], $0) } })
    }
  }

  private static func add(_ exchange: Exchange, to page: inout Exposition) {
    page.add(.actors, Double(exchange.actors.count))
    page.add(.joined, Double(exchange.joined))
    page.add(.heartbeatAge, exchange.actors.compactMap(\.heard).max())
    let units = exchange.units
    page.add(
      .units,
      [
        ("free", units.free), ("leased", units.leased), ("checking", units.checking),
        ("arrived", units.arrived), ("durable", units.durable),
      ].map { ([$0], Double($1)) })
    let leases = exchange.leases
    page.add(
      .leases,
      [
        ("normal", leases.normal), ("backup", leases.backup), ("audit", leases.audit),
        ("attempt", leases.attempt),
      ].map { ([$0], Double($1)) })
    page.add(.counted, Double(exchange.results.counted))
    page.add(.equal, Double(exchange.results.equal))
    page.add(.nondeterminism, Double(exchange.results.nondeterministic))
    page.add(.refused, Double(exchange.results.refused))
    page.add(
      .actorSeconds, [(["sample"], exchange.seconds.sample), (["judge"], exchange.seconds.judge)])
    page.add(.exchangeSeconds, exchange.seconds.wire)
  }
}
