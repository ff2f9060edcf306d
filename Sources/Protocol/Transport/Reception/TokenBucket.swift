/// An allowance that refills with time: a value told the time, in seconds.
struct TokenBucket: Sendable {
  /// Tokens a second.
  private let rate: Double
  /// The most that there can be.
  private let burst: Double
  private var tokens: Double
  private var refilled: Double = 0

  init(rate: Double, burst: Double) {
    (self.rate, self.burst, tokens) = (rate, burst, burst)
  }

  /// Tokens that there are now; below 0 after more was taken than there was.
  mutating func level(now: Double) -> Double {
    tokens = min(burst, tokens + rate * max(0, now - refilled))
    refilled = now
    return tokens
  }

  mutating func take(_ count: Double) { tokens -= count }
}
