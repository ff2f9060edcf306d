/// Actors that went without a goodbye, by name: each is lost if nobody of its name comes soon. A value that
/// is told the time.
struct VanishedActors: Sendable {
  /// How many are remembered; of more nothing is said.
  private let capacity: Int
  private var since: [String: Double] = [:]

  init(capacity: Int) { self.capacity = capacity }

  mutating func left(_ name: String, now: Double) {
    if since.count < capacity { since[name] = now }
  }

  mutating func cameBack(_ name: String) { since[name] = nil }

  /// Those that have been gone for longer than so many seconds, each once.
  mutating func lost(after patience: Double, now: Double) -> [String] {
    let lost = since.filter { now - $0.value > patience }.keys.sorted()
    for name in lost { since[name] = nil }
    return lost
  }
}
