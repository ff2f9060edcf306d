import Telemetry
import TestSupport
import Testing

struct MetricsTableTests {
  @Test func `a row has a cell for every metric, empty where nothing was measured`() throws {
    let place = try ScratchFolder()
    let table = try MetricsTable(
      path: place.file("metrics.csv"), lines: [["version": 1, "reward/train": 0.5]])
    try table.append(["version": 1, "eval/soft": 0.75]) { [] }
    let rows = String(decoding: try place.read("metrics.csv"), as: UTF8.self)
      .split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    #expect(rows[0] == ["version"] + Metric.all.map { $0.name[...] })
    #expect(rows.allSatisfy { $0.count == rows[0].count })
    #expect(rows[1].prefix(3) == ["1", "0.5", ""])
    #expect(rows[2][rows[0].firstIndex(of: "eval/soft")!] == "0.75")
  }

  @Test func `a category that a line brings gets a column, in quotes where it needs them`() throws {
    let place = try ScratchFolder()
    var lines: [[String: Double]] = [["version": 1, "reward/train": 0.5]]
    let table = try MetricsTable(path: place.file("metrics.csv"), lines: lines)
    for name in ["eval/soft/counting", "eval/soft/two, \"or\" more"] {
      lines.append(["version": 1, "eval/soft": 0.75, name: 0.25])
      try table.append(lines[lines.count - 1]) { lines }
    }
    let text = String(decoding: try place.read("metrics.csv"), as: UTF8.self)
    let rows = text.split(separator: "\n")
    #expect(rows.count == 4)
    #expect(rows[0].hasSuffix(",eval/soft/counting,\"eval/soft/two, \"\"or\"\" more\""))
    #expect(rows[2].hasSuffix(",0.25,") && rows[3].hasSuffix(",,0.25"))
  }
}
