import ArgumentParser
import Transport

/// When a key that is being made ends.
struct KeyEnd: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The key is good for nothing after so long (30m, 12h, 3d), after a day (2026-12-24) or from a second on (2026-12-24T18:00:00Z), in UTC and by the learner's clock (default: no end).",
      valueName: "when"))
  var expires: String?

  func validate() throws { _ = try end(now: .now) }

  /// - Parameter now: by this machine's clock.
  func end(now: WallTime) throws -> WallTime? {
    guard let expires else { return nil }
    guard let end = Self.time(expires, now: now) else {
      throw ValidationError(
        "--expires \(expires) is neither a time from now (30m, 12h, 3d) nor a day (2026-12-24, to its end) nor a"
          + " second (2026-12-24T18:00:00Z), in UTC")
    }
    guard end > now else {
      throw ValidationError(
        "--expires \(expires) is over: this machine's clock says \(now); name a later time")
    }
    return end
  }

  private static let seconds: [Character: Int64] = ["m": 60, "h": 3_600, "d": day]
  private static let day: Int64 = 86_400

  static func time(_ text: String, now: WallTime) -> WallTime? {
    if let second = WallTime(text) { return second }
    if let midnight = WallTime("\(text)T00:00:00Z") { return midnight + day }
    guard let last = text.last, let unit = seconds[last],
      let count = Int64(text.dropLast()), (1...1_000_000).contains(count)
    else { return nil }
    return now + count * unit
  }
}
