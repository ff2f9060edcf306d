import Tensor

/// Which steps draw noise in which iteration (MixGRPO, arXiv:2507.21802, §3.2): a window that moves
/// from the first steps to the last, staying at each position for some iterations.
///
///     steps l ..< min(l + w, L),         l ← l + stride after τ(l) iterations
///
/// At the limit it starts again, or stays at the last position that has a step.
package struct SlidingWindow: Hashable, Sendable {
  /// τ(l).
  package enum Stay: Hashable, Sendable {
    case constant(Int)
    /// From `most` at 0 to `least` at L: max(least, ⌊most·(1 − l/L) + least·l/L⌋).
    case linear(most: Int, least: Int)
    /// ⌈τ·exp(−k·max(0, l − threshold))⌉.
    case exponential(Int, threshold: Int, rate: Double)
  }

  /// w.
  package let width: Int
  /// L: T − 2 in the published runs.
  package let limit: Int
  package let stride: Int
  package let stay: Stay
  package let startsAgain: Bool
  /// The release lets l reach L, where the window is empty and τ(L) iterations train nothing. Only
  /// for comparison with it.
  package let restsAtLimitAsReleased: Bool
  /// l at first.
  private let origin: Int
  private var start: Int
  private var iteration = 0

  /// - Precondition: `width`, `limit` and `stride` are positive or zero, as `stride` may be; `origin`
  ///   is below the limit, or at it where the window may rest there.
  package init(
    width: Int, limit: Int, stride: Int, stay: Stay, startsAgain: Bool, origin: Int = 0,
    restsAtLimitAsReleased: Bool = false
  ) {
    precondition(width > 0 && limit > 0 && stride >= 0, "a window of \(width) up to \(limit)")
    let last = restsAtLimitAsReleased ? limit : limit - 1
    precondition((0...last).contains(origin), "\(origin) is beyond \(last)")
    self.width = width
    self.limit = limit
    self.stride = stride
    self.stay = stay
    self.startsAgain = startsAgain
    self.origin = origin
    self.restsAtLimitAsReleased = restsAtLimitAsReleased
    start = origin
  }

  /// The steps of this iteration; empty only where the window rests at the limit.
  package var steps: Range<Int> { start..<max(start, min(start + width, limit)) }

  /// Goes on to the next iteration.
  package mutating func advance() {
    iteration += 1
    guard iteration >= iterationsHere else { return }
    iteration = 0
    start += stride
    let last = restsAtLimitAsReleased ? limit : limit - 1
    if start > last { start = startsAgain ? origin : last }
  }

  /// The steps of an iteration of a window that has not moved yet.
  package func steps(atIteration iteration: UInt64) -> Range<Int> {
    var window = self
    var stays: [(steps: Range<Int>, count: UInt64)] = []
    var left = iteration
    // One round of positions; a window that starts again repeats it.
    repeat {
      let count = UInt64(window.iterationsHere)
      if left < count { return window.steps }
      left -= count
      stays.append((window.steps, count))
      let before = window.start
      window.iteration = Int(count) - 1
      window.advance()
      if window.start == before { return window.steps }
    } while window.start != origin
    left %= stays.reduce(0) { $0 + $1.count }
    for stay in stays {
      if left < stay.count { return stay.steps }
      left -= stay.count
    }
    return stays[0].steps
  }

  /// τ at the present position.
  private var iterationsHere: Int {
    switch stay {
    case .constant(let count): return count
    case .linear(let most, let least):
      let progress = Double(start) / Double(limit)
      return max(least, Int(Double(most) * (1 - progress) + Double(least) * progress))
    case .exponential(let count, let threshold, let rate):
      let decay = ExactMath.exponential(-rate * Double(max(0, start - threshold)))
      return Int((Double(count) * decay).rounded(.up))
    }
  }
}
