import Benchmarks
import Foundation
import TestSupport
import Testing
import TinyRecipe

struct LinkTests {
  @Test(arguments: [false, true])
  func `a wire row holds positive rates in order`(isEncrypted: Bool) throws {
    let load = WireBenchmark.Load(
      name: "small", bytes: 5_000, window: 3, isEncrypted: isEncrypted)
    let row = try WireBenchmark.run(load, rounds: 3, bytes: 100_000)
    #expect(row.units == 20)
    for spread in [row.bare, row.own, row.ratio] {
      #expect(0 < spread.least && spread.least <= spread.median && spread.median <= spread.most)
    }
  }

  @Test func `ingest makes every unit durable and leaves nothing behind`() throws {
    let scratch = try ScratchFolder()
    let report = try IngestBenchmark(
      Tiny.recipe(lag: 1), units: 64, folder: scratch.path
    ).run(rounds: 2, window: 8)
    #expect(report.units == 64)
    for spread in [report.bareTransport, report.bareLog, report.own, report.ratio] {
      #expect(spread.least > 0 && spread.most.isFinite)
    }
    // No more units can wait together than are on their way.
    #expect(report.group.least >= 1 && report.group.most <= 8)
    #expect(report.digestSecondsPerGigabyte < report.checkSecondsPerGigabyte)
    #expect(report.latency.median > 0 && report.latency.percentile99 >= report.latency.median)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
  }

  @Test func `a spread is the middle and the ends`() {
    let spread = Spread([3, 1, 2, 9, 5])
    #expect([spread.least, spread.median, spread.most] == [1, 3, 9])
  }
}
