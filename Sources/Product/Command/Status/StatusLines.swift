import Dialogue
import Roles
import Telemetry

/// A status as people read it.
struct StatusLines {
  struct Line: Equatable {
    var text: String
    var style = Console.Style.plain
  }

  private let status: RunStatus

  init(_ status: RunStatus) { self.status = status }

  /// - Parameter rows: how many lines there is room for; nil for as many as it takes. Of many actors the rest is counted.
  func lines(atMost rows: Int? = nil) -> [Line] {
    let head = self.head
    let room = rows.map { max(3, $0 - head.count - 2) } ?? .max
    return head + actors(atMost: room)
  }

  private var head: [Line] {
    var lines = [Line(text: title, style: .strong)]
    func add(_ name: String, _ text: String?, _ style: Console.Style = .plain) {
      if let text { lines.append(Line(text: Console.left(name, 12) + text, style: style)) }
    }
    add("state", state, status.state == .silent ? .warning : .plain)
    add("training", training)
    add("waiting", status.learner?.waiting)
    add("reward", reward)
    add("parameters", parameters)
    add("units", units)
    add("results", results)
    add("disk", disk.text, disk.isLow ? .warning : .plain)
    for alarm in status.alarms.suffix(3) {
      let version = alarm.version.map { "version \($0)" } ?? ""
      add(
        "alarm", "\(alarm.alarm ?? "") at \(version)\(Self.ago(alarm.age)): \(alarm.text)", .warning
      )
    }
    for notice in status.notices.suffix(3) {
      add("notice", "\(notice.text)\(Self.ago(notice.age))", .warning)
    }
    add("next", status.advice)
    return lines
  }

  // MARK: The run

  private var title: String {
    let run = status.run
    return
      (["\(run.path)", "run \(run.runID.prefix(8))"]
      + (run.task.isEmpty ? [] : ["task \(run.task)"]) + ["generation \(run.generation)"])
      .joined(separator: " · ")
  }

  private var state: String {
    guard let learner = status.learner else {
      switch status.state {
      case .running: return "running"
      case .silent: return "no answer"
      case .stopped: return "no learner works for it"
      case .finished: return "finished"
      }
    }
    let place = learner.endpoint.map { " at \($0)" } ?? ""
    return
      "\(learner.phase.rawValue)\(place) · pid \(learner.pid) on \(learner.host) for \(Self.time(learner.age))"
      + " · release \(learner.release)"
  }

  private var training: String {
    let progress = status.progress
    var parts = ["version \(progress.version) of \(progress.target)"]
    if let here = progress.unitsHere, let all = progress.unitsPerUpdate {
      parts.append("\(here) of \(all) units of the next update")
    }
    if let seconds = progress.updateSeconds {
      parts.append("\(Console.number(seconds.median, digits: 2)) s an update")
      let left = Double(progress.target) - Double(progress.version)
      if left > 0 { parts.append("\(Self.time(seconds.median * left)) left") }
    }
    if let lag = progress.lag {
      parts.append("lag \(Console.number(lag.mean, digits: 1)), at most \(lag.largest)")
    }
    if let age = progress.age { parts.append("last progress \(Self.time(age)) ago") }
    return parts.joined(separator: " · ")
  }

  private var reward: String? {
    var parts = [(Metric.reward, "train"), (.divergence, "KL"), (.clipped, "clip")].compactMap {
      metric, name in status.newest?[metric.name].map { "\(name) \(Console.number($0))" }
    }
    if let evaluation = status.evaluation {
      let scores = [
        ("soft", evaluation.soft), ("strict", evaluation.strict), ("held-out", evaluation.heldOut),
        ("reward", evaluation.reward),
      ].compactMap { name, score in score.map { "\(name) \(Console.number($0))" } }
      parts.append("evaluated at version \(evaluation.version): \(scores.joined(separator: ", "))")
    }
    return parts.isEmpty ? nil : parts.joined(separator: " · ")
  }

  private var parameters: String? {
    guard let learner = status.learner else { return nil }
    let hash = status.exchange?.paramsHash.map { " · hash \($0)" } ?? ""
    return Console.size(learner.parametersBytes) + hash
  }

  private var units: String? {
    guard let exchange = status.exchange else {
      return status.learner?.endpoint == nil ? nil : "the exchange does not answer"
    }
    let units = exchange.units
    let states = [
      (units.free, "free"), (units.leased, "leased"), (units.checking, "being checked"),
      (units.arrived, "on the way to the journal"), (units.durable, "durable"),
      (units.evaluationParts, "parts of evaluations"),
    ]
    let shown = states.filter { $0.0 > 0 }.map { "\($0) \($1)" }
    return (shown.isEmpty ? ["none open"] : shown).joined(separator: ", ")
      + (exchange.isPaused ? " · paused, because rewards fail" : "")
  }

  private var results: String? {
    guard let exchange = status.exchange else { return nil }
    let results = exchange.results
    let others = [
      (results.equal, "came again"), (results.nondeterministic, "are wrong or disagree"),
      (exchange.leases.backup, "leased twice"),
    ].filter { $0.0 > 0 }.map { ", \($0) \($1)" }.joined()
    return
      "\(results.counted) count\(others) · \(Console.count(results.refused, "message")) refused"
  }

  private var disk: (text: String?, isLow: Bool) {
    guard let disk = status.disk else { return (nil, false) }
    var text = "\(Console.size(disk.freeBytes)) free"
    if let needed = disk.neededBytes, let updates = disk.neededUpdates {
      text += ", the next \(updates) updates need \(Console.size(needed))"
    }
    if let journal = disk.journalBytes { text += " · journal \(Console.size(journal))" }
    return (text, disk.neededBytes.map { disk.freeBytes < $0 } ?? false)
  }

  // MARK: Actors

  private static let columns = [
    "host", "units", "per min", "leases", "version", "lag", "heard", "since", "last trouble",
  ]

  private func actors(atMost rows: Int) -> [Line] {
    guard let exchange = status.exchange else { return [] }
    if exchange.actors.isEmpty && exchange.left.isEmpty {
      return [Line(text: Console.left("actors", 12) + "none yet")]
    }
    let all = exchange.actors + exchange.left.suffix(5)
    let shown = all.prefix(rows)
    let table = [["actor"] + Self.columns] + shown.map(Self.row)
    let widths = table[0].indices.map { column in
      (table.map { $0[column].count }.max() ?? 0) + 2
    }
    var lines = table.enumerated().map { index, row in
      let cells = zip(row, widths).enumerated().map { column, cell in
        // Numbers to the right, words to the left.
        (2...8).contains(column)
          ? Console.right(cell.0, cell.1) + "  " : Console.left(cell.0, cell.1)
      }
      var text = cells.joined()
      while text.last == " " { text.removeLast() }
      return Line(text: text, style: index == 0 ? .strong : .plain)
    }
    if all.count > shown.count {
      lines.append(
        Line(text: "… and \(all.count - shown.count) more; --json has all", style: .quiet))
    }
    return lines
  }

  private static func row(_ actor: RunStatus.Actor) -> [String] {
    let trouble = actor.trouble.map { "\($0.text)\(ago($0.age))" } ?? ""
    let left = actor.left.map { "left\(ago($0.age)): \($0.text)" }
    return [
      actor.name, actor.host, "\(actor.units)", Console.number(actor.unitsPerMinute, digits: 1),
      actor.leases.map { "\($0)" } ?? "–", actor.version.map { "\($0)" } ?? "–",
      actor.lag.map { "\($0)" } ?? "–", actor.heard.map { time($0) } ?? "–", time(actor.age),
      [left, trouble.isEmpty ? nil : trouble].compactMap(\.self).joined(separator: " · "),
    ]
  }

  /// What somebody else wrote may be any number.
  private static func time(_ seconds: Double) -> String {
    seconds.isFinite ? Console.duration(min(max(0, seconds), 1e10)) : "–"
  }

  private static func ago(_ seconds: Double?) -> String {
    seconds.map { " \(time($0)) ago" } ?? ""
  }
}
