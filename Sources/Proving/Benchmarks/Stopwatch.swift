/// Times contenders in turn, round by round, so that a busy machine is unfair to none of them.
package enum Stopwatch {
  /// The median seconds of each contender over `rounds` rounds, after one round to warm up.
  package static func medians(rounds: Int, _ contenders: [() -> Void]) -> [Double] {
    sorted(rounds: rounds, contenders).map { $0[rounds / 2] }
  }

  /// The shortest instead: what each contender can do, where others take the processor for longer
  /// than a contender runs.
  package static func shortest(rounds: Int, _ contenders: [() -> Void]) -> [Double] {
    sorted(rounds: rounds, contenders).map { $0[0] }
  }

  private static func sorted(rounds: Int, _ contenders: [() -> Void]) -> [[Double]] {
    for contender in contenders { contender() }
    var seconds = contenders.map { _ in [Double]() }
    let clock = ContinuousClock()
    for _ in 0..<rounds {
      for (index, contender) in contenders.enumerated() {
        let duration = clock.measure(contender).components
        seconds[index].append(Double(duration.seconds) + Double(duration.attoseconds) * 1e-18)
      }
    }
    return seconds.map { $0.sorted() }
  }
}
