import Records
import Testing

/// When a wait is mentioned, under a clock that the tests move.
struct WaitNoticeTests {
  /// The seconds at which something was said, and what was said.
  private func said(_ interval: Double, until end: Int, _ cause: (Int) -> String?) -> [Int: Double]
  {
    var notice = WaitNotice(interval: interval)
    var said: [Int: Double] = [:]
    for second in 0...end { said[second] = notice.due(cause(second), now: Double(second)) }
    return said
  }

  @Test(arguments: [10, 60]) func `after ten seconds, then at the interval`(interval: Int) {
    let said = said(Double(interval), until: 200) { _ in "an actor" }
    #expect(said.keys.sorted() == Array(stride(from: 10, through: 200, by: interval)))
    #expect(said.allSatisfy { Double($0.key) == $0.value }, "it says how long")
  }

  @Test func `a wait that ends in time is not mentioned, and the next one begins anew`() {
    #expect(said(10, until: 100) { $0 % 9 == 8 ? nil : "a unit" }.isEmpty)
    let said = said(10, until: 40) { $0 == 20 ? nil : "a unit" }
    #expect(said == [10: 10, 31: 10])
  }

  @Test func `another cause is another wait and does not keep it silent`() {
    let said = said(10, until: 60) { "cause \($0 / 4)" }
    #expect(said.keys.sorted() == [10, 20, 30, 40, 50, 60])
    #expect(said[20] == 0 && said[10] == 2)
  }
}
