/// What is due again and again: a value that is told the time.
struct Recurring: Sendable {
  private let pause: Double
  private var next: Double

  /// - Parameters:
  ///   - pause: seconds from one time to the next.
  ///   - first: when it is due first.
  init(every pause: Double, from first: Double) {
    self.pause = pause
    next = first
  }

  /// Whether it is due; if so, not again for as long as its pause.
  mutating func isDue(now: Double) -> Bool {
    guard now >= next else { return false }
    next = now + pause
    return true
  }
}
