import Bytes
package import Ledger

/// Where the time of the thread that computes goes: a value that is told the moments.
package struct UpdateTimes {
  package typealias Moment = ContinuousClock.Instant

  /// Seconds of arithmetic in this life.
  package private(set) var learn = 0.0
  /// Seconds of waiting for units in this life.
  package private(set) var wait = 0.0
  private var updatedAt: Moment
  /// When the last update waited for its commit to be durable.
  private var commitWait: Range<Moment>?

  /// One update, in seconds.
  package struct Shares {
    package var whole = 0.0
    package var learn = 0.0
    package var wait = 0.0
    /// In which its units were durable and this thread waited all the same.
    package var idle = 0.0
  }

  private var current = Shares()

  package init(now: Moment) { updatedAt = now }

  /// All units of an update are here.
  package mutating func collected(_ units: [DurableUnit], asked: Moment, now: Moment) {
    current.wait = asked.duration(to: now).seconds
    current.idle = idle(before: units, asked: asked, now: now)
    wait += current.wait
  }

  /// The arithmetic of an update is done.
  package mutating func computed(began: Moment, now: Moment) {
    current.learn = began.duration(to: now).seconds
    learn += current.learn
  }

  /// The commit of an update is durable.
  package mutating func committed(computed: Moment, now: Moment) { commitWait = computed..<now }

  /// The shares of the update that was published now.
  package mutating func updated(now: Moment) -> Shares {
    current.whole = updatedAt.duration(to: now).seconds
    return current
  }

  /// What comes after this moment is the next update's.
  package mutating func next(now: Moment) { updatedAt = now }

  /// Seconds in which these units were durable and the thread waited all the same: for the commit before
  /// them, or to be told. What it did itself in between, such as saving, is work.
  private mutating func idle(before units: [DurableUnit], asked: Moment, now: Moment) -> Double {
    let ready = units.compactMap(\.since).max()
    defer { commitWait = nil }
    let told = max(asked, ready ?? asked).duration(to: now).seconds
    guard let commitWait else { return told }
    let begin = max(commitWait.lowerBound, ready ?? commitWait.lowerBound)
    return told + max(0, begin.duration(to: commitWait.upperBound).seconds)
  }
}
