/// Which steps draw noise in which update.
package enum WindowSchedule: Hashable, Sendable {
  /// A window that moves on (MixGRPO); see ``SlidingWindow``. `first` is its leftmost step.
  case sliding(SlidingWindow, first: Int)
  /// `width` steps from a random one on, within `range` (Flow-GRPO-Fast).
  case random(width: Int, range: Range<Int>)

  /// - Parameter word: 32 random bits of the update.
  package func steps(ofUpdate update: UInt64, word: UInt32) -> Range<Int> {
    switch self {
    case .sliding(let window, let first):
      let steps = window.steps(atIteration: update)
      return first + steps.lowerBound..<first + steps.upperBound
    case .random(let width, let range):
      let places = max(range.count - width + 1, 1)
      let start = range.lowerBound + Int((UInt64(word) * UInt64(places)) >> 32)
      return start..<min(start + width, range.upperBound)
    }
  }
}
