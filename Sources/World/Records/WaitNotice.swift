/// When a wait is mentioned: a value that is told the time.
///
/// The first time after ten seconds, then every `interval`, for as long as there is something to wait for.
package struct WaitNotice: Sendable {
  /// Seconds of any clock.
  package typealias Time = Double

  /// Seconds before a wait is worth a word.
  package static let grace: Time = 10

  private let interval: Time
  private var cause: String?
  private var since: Time = 0
  private var next: Time = 0

  package init(interval: Time) { self.interval = interval }

  /// How long it has been waited for the cause, in seconds, if that is to be said now.
  ///
  /// - Parameter cause: what is waited for; nil while nothing is. Another cause is another wait, but no
  ///   reason to say more often.
  package mutating func due(_ cause: String?, now: Time) -> Time? {
    guard let cause else {
      self.cause = nil
      return nil
    }
    if self.cause == nil { next = now + Self.grace }
    if self.cause != cause {
      self.cause = cause
      since = now
    }
    guard now >= next else { return nil }
    next = now + interval
    return now - since
  }
}
