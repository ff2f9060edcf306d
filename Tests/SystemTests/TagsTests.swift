import Foundation
import TestSupport
import Testing

/// Every tag of a run is in `metrics.jsonl`, `metrics.csv` and TensorBoard's events, and in the
/// catalogue with its meaning.
struct TagsTests {
  @Test(arguments: [
    ["--set", "reward.train=[{name: judge, weight: 0.5}, {name: strict}]"],
    ["--set", "schedule.kind=freshest", "--set", "schedule.lag=2"],
  ])
  func `every sink and the catalogue have the same tags`(settings: [String]) throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    for updates in [3, 5] {
      let outcome = try DensityRun.train(run, updates: updates, in: folder, more: settings)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    let lines = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8)
      .split(separator: "\n").map {
        try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Double])
      }
    let names = Set(lines.flatMap(\.keys)).subtracting(["version"])
    #expect(names.count > 30, "\(names)")
    #expect(lines.allSatisfy { $0["time/wall"] != nil && $0["total/core_seconds"] != nil })
    let rows = try String(contentsOfFile: "\(run)/metrics.csv", encoding: .utf8)
      .split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    let columns = rows[0].map(String.init)
    let filled = columns.indices.filter { column in
      rows.dropFirst().contains { !$0[column].isEmpty }
    }
    #expect(Set(filled.map { columns[$0] }) == names.union(["version"]))
    let points = try EventPoints(of: run)
    #expect(Set(points.scalars.keys) == names)

    let catalogue = try Tributary.run(["metrics", "--json"], in: folder).json
    let patterns = try catalogue.keys.map { key in
      let parts = key.split(separator: "/", omittingEmptySubsequences: false).map { part in
        part.split(separator: "-").map { word in
          word.allSatisfy(\.isUppercase) ? ".+" : NSRegularExpression.escapedPattern(for: "\(word)")
        }.joined(separator: "-")
      }
      return try Regex(parts.joined(separator: "/"))
    }
    for tag in points.tags {
      #expect(
        patterns.contains { (try? $0.wholeMatch(in: tag)) != nil }, "\(tag) in \(catalogue.keys)")
    }
    let alone = points.tags.subtracting(points.scalars.keys)
    #expect(
      alone == [
        "lag/units", "reward/branches", "grid", "configuration", "command",
        "_hparams_/session_start_info",
      ])
    let environment = try folder.read("run/env.json")
    let lives = try #require(
      JSONSerialization.jsonObject(with: environment) as? [[String: Any]])
    #expect(lives.count == 2)
    #expect((lives[1]["command"] as? String)?.hasPrefix("tributary train density --run") == true)
  }
}
