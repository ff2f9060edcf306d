import Flow
import Foundation
import Programs
import Tensor

/// Pictures, how the program ends, and how fast it is.
extension ModelCheck {
  func picturesAreEqual() throws(Fault) -> ModelFinding? {
    guard let size = contract.contract.picture else {
      return ModelFinding("pictures", .information, "it decodes none")
    }
    let probe = rows.first(3)
    func asked(_ process: ModelProcess) throws(Fault) -> [UInt8] {
      try process.pictures(
        of: probe.states, rows: probe.count, size: size, waiting: {})
    }
    let once = try asked(actor)
    let differing = try zip(once, asked(actor)).count { $0 != $1 }
    let elsewhere = try zip(once, asked(learner)).count { $0 != $1 }
    let isFlat = Set(once).count < 2
    let isSame = differing + elsewhere == 0
    return ModelFinding(
      "pictures", isSame ? (isFlat ? .doubtful : .ok) : contract.exact ? .broken : .unpromised,
      "\(probe.count) pictures of \(size.height) × \(size.width)"
        + (isSame
          ? isFlat ? ", all of one grey" : ", the same twice and of two processes"
          : ", \(max(differing, elsewhere)) of \(once.count) bytes differ when asked again"),
      allowed: contract.exact ? "the same" : "",
      values: ["again": Double(differing), "elsewhere": Double(elsewhere)])
  }

  func programEnds() throws(Fault) -> ModelFinding? {
    _ = try parameters()
    // Where a check before this one ended them, they are started again.
    for process in [actor, learner] {
      _ = try velocities(rows.first(1), under: try parameters().initial, of: process)
    }
    let asked = try actor.leave(saying: true)
    let left = try learner.leave(saying: false)
    let hasEnded = [asked, left].allSatisfy { $0.seconds != nil && $0.isAlone }
    let isSoon = max(asked.seconds ?? .infinity, left.seconds ?? .infinity) <= 5
    let isGood = hasEnded && isSoon
    func text(_ leaving: ModelProcess.Leaving) -> String {
      (leaving.seconds.map { "it ends within \(brief($0)) s" }
        ?? "it does not end within \(brief(ModelProcess.Leaving.limit)) s")
        + (leaving.isAlone ? "" : " and leaves processes behind")
    }
    return ModelFinding(
      "end", isGood ? .ok : hasEnded ? .doubtful : .failed,
      "after bye \(text(asked)), after its socket was closed \(text(left))",
      allowed: "5 s",
      advice: isGood
        ? ""
        : "What is still there soon after is killed; locks and files of it may stay. End when the socket"
          + " ends.",
      values: [
        "bye": asked.seconds ?? .infinity, "socket": left.seconds ?? .infinity,
      ])
  }

  /// Rows a second, and what the protocol takes of the time.
  func throughput() throws(Fault) -> ModelFinding? {
    let set = try parameters().moved
    func median(of times: Int, _ body: () throws(Fault) -> Void) throws(Fault) -> Double {
      var seconds: [Double] = []
      for _ in 0..<times {
        let start = ContinuousClock.now
        try body()
        seconds.append((ContinuousClock.now - start) / .seconds(1))
        if seconds[0] > 5 { break }
      }
      return seconds.sorted()[seconds.count / 2]
    }
    _ = try velocities(rows.first(1), under: set)
    let empty = try median(of: 20) { () throws(Fault) in try actor.askNothing() }
    var parts: [String] = []
    var values = ["empty_seconds": empty]
    for count in [8, 64, 256] where count <= contract.maxRows {
      let probe = rows[(0..<count).map { $0 % rows.count }]
      let slopes = [Float](repeating: 1, count: count * probe.latentCount)
      _ = try velocities(probe, under: set)
      let forward = try median(of: 3) { () throws(Fault) in _ = try velocities(probe, under: set) }
      let both = try median(of: 3) { () throws(Fault) in
        _ = try velocities(probe, under: set, keeps: true)
        _ = try actor.pullBack(
          probe.pieces(upTo: count)[0], under: set, guidance: 1, slopes: slopes[...], waiting: {})
      }
      let rate = { (seconds: Double) in String(format: "%.0f", Double(count) / seconds) }
      parts.append("\(count) rows: \(rate(forward))/s, with pullback \(rate(both))/s")
      values["velocities_\(count)"] = Double(count) / forward
      values["both_\(count)"] = Double(count) / both
      values["protocol_\(count)"] = empty / forward
      if both > 20 { break }
    }
    let share = values["protocol_64"] ?? values["protocol_8"] ?? 0
    return ModelFinding(
      "throughput", .information,
      parts.joined(separator: "; ")
        + "; an empty question takes \(brief(empty * 1000)) ms, \(brief(100 * share)) % of one of"
        + " \(values["protocol_64"] == nil ? 8 : 64) rows",
      values: values)
  }
}
