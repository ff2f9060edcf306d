/// What each actor has done for this learner, counted as it happens: a value that is told the time.
///
/// Those that have a session, and the last that left; names and sentences are theirs, and cut.
package struct ActorRecords: Sendable {
  /// An actor process is known by its life.
  package typealias Life = String

  private struct Record {
    var name: String
    var host: String
    var since: Double
    var units = 0
    var recent = RecentCount()
    var made: (version: UInt64, lag: UInt64)?
    var trouble: (text: String, at: Double)?
    var left: (reason: String, at: Double)?
  }

  /// Of those that have left.
  private static let mostGone = 32
  /// Characters of a name, and of a sentence.
  private static let most = (name: 64, sentence: 300)

  private var records: [Life: Record] = [:]
  /// Those that have left, oldest first.
  private var gone: [Life] = []

  package init() {}

  package var count: Int { records.count }

  /// One that comes again goes on with its counts.
  package mutating func joined(_ life: Life, name: String, host: String, now: Double) {
    var record = records[life] ?? Record(name: "", host: "", since: now)
    record.name = String(name.prefix(Self.most.name))
    record.host = String(host.prefix(Self.most.name))
    if record.left != nil { gone.removeAll { $0 == life } }
    record.left = nil
    records[life] = record
  }

  package mutating func left(_ life: Life, because reason: String, now: Double) {
    guard records[life] != nil, records[life]?.left == nil else { return }
    records[life]?.left = (String(reason.prefix(Self.most.sentence)), now)
    gone.append(life)
    if gone.count > Self.mostGone { records[gone.removeFirst()] = nil }
  }

  /// A unit of it counts.
  ///
  /// - Parameters:
  ///   - version: of its parameters.
  ///   - committed: the newest version.
  package mutating func delivered(_ life: Life, version: UInt64, committed: UInt64, now: Double) {
    records[life]?.units += 1
    records[life]?.recent.add(now: now)
    records[life]?.made = (version, committed > version ? committed - version : 0)
  }

  /// Something went wrong with what it did.
  package mutating func failed(_ life: Life, _ sentence: String, now: Double) {
    records[life]?.trouble = (String(sentence.prefix(Self.most.sentence)), now)
  }

  package func actor(_ life: Life, now: Double) -> RunStatus.Actor? {
    guard let record = records[life] else { return nil }
    let age = now - record.since
    return RunStatus.Actor(
      name: record.name, host: record.host, age: age, version: record.made?.version,
      lag: record.made?.lag, units: record.units,
      unitsPerMinute: record.recent.perMinute(now: now, since: age),
      trouble: record.trouble.map { RunStatus.Trouble(text: $0.text, age: now - $0.at) },
      left: record.left.map { RunStatus.Trouble(text: $0.reason, age: now - $0.at) })
  }

  /// Those that left last, oldest first.
  package func left(now: Double) -> [RunStatus.Actor] { gone.compactMap { actor($0, now: now) } }
}
