/// How often something happened in the last minute, to five seconds: a value that is told the time.
struct RecentCount: Sendable {
  /// Seconds that are looked back.
  static let span = 60.0
  private static let slice = 5.0

  private var counts = [Int](repeating: 0, count: Int(span / slice))
  /// The slice that is counted in now, since the beginning of time.
  private var current = 0

  mutating func add(now: Double) {
    advance(to: now)
    counts[current % counts.count] += 1
  }

  /// - Parameter seconds: for which it could happen.
  func perMinute(now: Double, since seconds: Double) -> Double {
    var copy = self
    copy.advance(to: now)
    return Double(copy.counts.reduce(0, +)) * 60 / min(Self.span, max(seconds, 1))
  }

  private mutating func advance(to now: Double) {
    let slice = max(current, Int(now / Self.slice))
    for passed in 0..<min(slice - current, counts.count) {
      counts[(slice - passed) % counts.count] = 0
    }
    current = slice
  }
}
