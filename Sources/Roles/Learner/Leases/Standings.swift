/// What each actor process has earned by delivering: a value that is told the time.
///
/// Who has delivered is *proven*, and units that an update waits for go to proven actors. Who lets a lease grow old falls back: it rests, longer
/// each time, tries one unit at a time, and must deliver again, more often each time.
struct Standings: Sendable {
  typealias ActorProcess = LeaseTable.ActorProcess
  typealias Time = LeaseTable.Time

  private struct Entry {
    /// Deliveries since the last failure.
    var delivered = 0
    /// Its usual seconds from a grant to the result; nil before the first one.
    var usual: Time?
    var failures = 0
    var restsUntil: Time = 0
    var lastSeen: Time = 0
  }

  /// Processes that are remembered; of more, those not seen for longest are forgotten.
  private static let capacity = 1_024
  /// First results that tell who does how much of the work.
  private static let memory = 64
  private static let longestRest: Time = 60
  /// Deliveries after which one failure is forgotten.
  private static let forgiveness = 64

  /// Seconds for which a lease is waited for while nobody knows how long a unit takes.
  private let firstPatience: Time
  private var entries: [ActorProcess: Entry] = [:]
  private var latest: [ActorProcess] = []
  /// The usual seconds from a grant to a unit's first result; nil before the first one.
  private(set) var usual: Time?

  init(firstPatience: Time) { self.firstPatience = firstPatience }

  /// Whether its lease counts on delivery; an actor far slower than the others only tries along.
  func isProven(_ process: ActorProcess) -> Bool {
    guard let entry = entries[process], entry.delivered > 0,
      entry.delivered >= 1 << min(max(entry.failures - 1, 0), 4)
    else { return false }
    guard let own = entry.usual, let usual else { return true }
    return own <= max(Self.shortestWait, Self.lateTimes * usual)
  }

  func isResting(_ process: ActorProcess, now: Time) -> Bool {
    now < entries[process]?.restsUntil ?? 0
  }

  /// Its share of the latest first results, 0...1.
  func share(of process: ActorProcess) -> Double {
    latest.isEmpty ? 0 : Double(latest.count { $0 == process }) / Double(latest.count)
  }

  /// Seconds after which its lease is late: others compute the unit, too, and it falls back.
  func patience(with process: ActorProcess) -> Time {
    guard let usual else { return firstPatience }
    return max(Self.shortestWait, Self.lateTimes * max(usual, entries[process]?.usual ?? 0))
  }

  /// Seconds for which nobody else computes a unit that is tried by an actor that is not proven.
  var patienceWithTries: Time { usual.map { Self.tryTimes * $0 } ?? firstPatience }

  private static let shortestWait: Time = 1
  private static let lateTimes: Time = 4
  private static let tryTimes: Time = 2

  /// A right result came.
  ///
  /// - Parameters:
  ///   - seconds: since the grant; nil where that is not known any more.
  ///   - isFirst: whether it was the unit's first.
  mutating func delivered(_ process: ActorProcess, after seconds: Time?, isFirst: Bool, now: Time) {
    var entry = entries[process] ?? Entry()
    entry.delivered += 1
    entry.restsUntil = 0
    entry.lastSeen = now
    if entry.delivered.isMultiple(of: Self.forgiveness) {
      entry.failures = max(0, entry.failures - 1)
    }
    if let seconds { entry.usual = entry.usual.map { 0.9 * $0 + 0.1 * seconds } ?? seconds }
    remember(entry, of: process)
    guard isFirst else { return }
    latest.append(process)
    if latest.count > Self.memory { latest.removeFirst() }
    if let seconds { usual = usual.map { 0.9 * $0 + 0.1 * seconds } ?? seconds }
  }

  /// A lease grew old, or a result was wrong.
  mutating func failed(_ process: ActorProcess, now: Time) {
    var entry = entries[process] ?? Entry()
    entry.delivered = 0
    entry.restsUntil = now + min(Time(1 << min(entry.failures, 10)), Self.longestRest)
    entry.failures += 1
    entry.lastSeen = now
    remember(entry, of: process)
  }

  /// A lease was handed back; who has not delivered yet does not get the next one at once.
  mutating func handedBack(_ process: ActorProcess, now: Time) {
    guard !isProven(process) else { return }
    var entry = entries[process] ?? Entry()
    entry.restsUntil = max(entry.restsUntil, now + 1)
    entry.lastSeen = now
    remember(entry, of: process)
  }

  private mutating func remember(_ entry: Entry, of process: ActorProcess) {
    if entries[process] == nil, entries.count >= Self.capacity,
      let oldest = entries.min(by: { ($0.value.lastSeen, $0.key) < ($1.value.lastSeen, $1.key) })
    {
      entries[oldest.key] = nil
    }
    entries[process] = entry
  }
}
