/// How long a sweep still takes, from the pace of its updates so far.
struct SweepClock {
  private struct Pace {
    var seconds = 0.0
    var updates: UInt64 = 0
  }

  /// By preset: runs of one preset cost the same.
  private var paces: [String: Pace] = [:]

  mutating func observe(_ preset: String, updates: UInt64, seconds: Double) {
    paces[preset, default: Pace()].updates += updates
    paces[preset, default: Pace()].seconds += seconds
  }

  /// Seconds for what is left of each preset; nil while nothing is known. A preset without a pace is
  /// taken to have the mean one.
  func secondsLeft(_ left: [(preset: String, updates: UInt64)]) -> Double? {
    let known = paces.values.filter { $0.updates > 0 }
    let updates = known.reduce(0) { $0 + $1.updates }
    guard updates > 0 else { return nil }
    let mean = known.reduce(0) { $0 + $1.seconds } / Double(updates)
    return left.reduce(0) { sum, rest in
      let own = paces[rest.preset].flatMap {
        $0.updates > 0 ? $0.seconds / Double($0.updates) : nil
      }
      return sum + Double(rest.updates) * (own ?? mean)
    }
  }
}
