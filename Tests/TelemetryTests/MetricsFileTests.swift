import Foundation
import Telemetry
import TestSupport
import Testing

struct MetricsFileTests {
  let place: ScratchFolder

  init() throws { place = try ScratchFolder() }

  private func open(committed: UInt64) throws -> MetricsFile {
    try MetricsFile(path: place.file("metrics.jsonl"), committed: committed)
  }

  private func lines() throws -> [[String: Double]] {
    let text = String(decoding: try place.read("metrics.jsonl"), as: UTF8.self)
    #expect(text.isEmpty || text.hasSuffix("\n"))
    return try text.split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
      return try #require(object as? [String: Double])
    }
  }

  @Test func `an update is one line with its version`() throws {
    let file = try open(committed: 0)
    try file.append(version: 1, [.reward: 0.5, .policyLoss: -0.25])
    try file.append(version: 1, [.soft: 0.75])
    #expect(
      try lines() == [
        ["version": 1, "reward/train": 0.5, "loss/policy": -0.25],
        ["version": 1, "eval/soft": 0.75],
      ])
  }

  @Test func `an update's line is not written twice, nor in another life`() throws {
    do {
      let file = try open(committed: 0)
      for version: UInt64 in [1, 2, 2, 1] { try file.append(version: version, [.reward: 0.5]) }
      #expect(try lines().map { $0["version"] } == [1, 2])
    }
    let file = try open(committed: 2)
    try file.append(version: 2, [.reward: 0.75])
    try file.append(version: 3, [.reward: 0.75])
    #expect(try lines().map { $0["reward/train"] } == [0.5, 0.5, 0.75])
  }

  @Test func `lines of versions that are not committed are dropped and may come again`() throws {
    do {
      let file = try open(committed: 0)
      for version: UInt64 in 1...4 { try file.append(version: version, [.reward: 0.5]) }
      try file.append(version: 4, [.soft: 1])
    }
    let file = try open(committed: 2)
    #expect(try lines().map { $0["version"] } == [1, 2])
    try file.append(version: 3, [.reward: 0.75])
    #expect(try lines().map { $0["reward/train"] } == [0.5, 0.5, 0.75])
  }

  @Test func `a torn last line is dropped, at every length`() throws {
    do {
      let file = try open(committed: 0)
      for version: UInt64 in 1...2 { try file.append(version: version, [.reward: 0.5]) }
    }
    let whole = try place.read("metrics.jsonl")
    let first = whole.firstIndex(of: UInt8(ascii: "\n"))! + 1
    for length in first..<whole.count - 1 {
      try place.write(whole.prefix(length), to: "metrics.jsonl")
      let file = try open(committed: 2)
      #expect(try lines().count == 1, "\(length) bytes")
      try file.append(version: 2, [.reward: 0.25])
      #expect(try lines().map { $0["reward/train"] } == [0.5, 0.25])
    }
    try place.write(whole + Data([0xff, 0xfe, 0x00]), to: "metrics.jsonl")
    _ = try open(committed: 2)
    #expect(try lines().count == 2)
  }

  @Test func `an evaluation that comes late stands where it belongs, once`() throws {
    do {
      let file = try open(committed: 0)
      for version: UInt64 in 1...4 { try file.append(version: version, [.reward: 0.5]) }
      try file.append(version: 4, [.soft: 1])
    }
    #expect(try MetricsFile.evaluations(in: place.file("metrics.jsonl")) == [4])
    let file = try open(committed: 4)
    #expect(!file.hasEvaluation(2) && file.hasEvaluation(4))
    for _ in 0..<2 { try file.append(version: 2, [.soft: 0.75]) }
    try file.append(version: 5, [.reward: 0.5])
    #expect(try lines().map { $0["version"] } == [1, 2, 2, 3, 4, 4, 5])
    #expect(try lines().map { $0["eval/soft"] } == [nil, nil, 0.75, nil, nil, 1, nil])
  }

  @Test func `numbers that JSON cannot hold are left out`() throws {
    let file = try open(committed: 0)
    try file.append(version: 1, [.reward: 0.5, .gradientNorm: .nan, .policyLoss: .infinity])
    #expect(try lines() == [["version": 1, "reward/train": 0.5]])
  }

  @Test func `every metric has a name and a meaning of its own`() throws {
    let families = MetricFamily.all
    let alone = EventsOnly.allCases
    let names = Metric.all.map(\.name) + families.map(\.pattern) + alone.map(\.rawValue)
    let meanings = Metric.all.map(\.meaning) + families.map(\.meaning) + alone.map(\.meaning)
    #expect(Set(names).count == names.count)
    #expect(Set(meanings).count == meanings.count)
    #expect(meanings.allSatisfy { $0.hasSuffix(".") })
    for name in Metric.all.map(\.name) { #expect(Metric(named: name)?.name == name) }
    #expect(Metric(named: "eval/soft/counting") == MetricFamily.soft["counting"])
    for name in ["eval/soft/", "eval/softer", "", "lag/units"] {
      #expect(Metric(named: name) == nil, "\(name)")
    }
  }
}
