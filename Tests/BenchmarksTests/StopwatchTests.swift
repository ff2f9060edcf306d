import Testing

import Benchmarks

struct StopwatchTests {
  @Test func `contenders take turns, after one round that does not count`() {
    var turns: [String] = []
    let seconds = Stopwatch.medians(rounds: 3, [{ turns.append("a") }, { turns.append("b") }])
    #expect(turns == ["a", "b", "a", "b", "a", "b", "a", "b"])
    #expect(seconds.count == 2 && seconds.allSatisfy { $0 >= 0 })
  }
}
