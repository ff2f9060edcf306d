import Foundation
import Telemetry
import TestSupport
import Testing

/// `metrics.jsonl` read by somebody who did not write it.
struct MetricsLinesTests {
  let place: ScratchFolder
  let path: String

  init() throws {
    place = try ScratchFolder()
    path = place.file("metrics.jsonl")
  }

  private static let update = #"{"version":1,"reward/train":0.5}"# + "\n"

  @Test func `what a run writes is read again`() throws {
    let file = try MetricsFile(path: path, committed: 0)
    try file.append(version: 1, [.reward: 0.5, .policyLoss: -0.25])
    try file.append(version: 1, [.soft: 0.75])
    let lines = try MetricsFile(path: path, committed: 1).lines
    #expect(try MetricsLines.read(path) == lines && lines.count == 2)
    #expect(MetricsLines.newestUpdate(in: path) == lines.first)
  }

  @Test(arguments: [
    ("{\"version\":2,\"rew", "is not a JSON object"), ("[1]", "is not a JSON object"),
    ("\u{0}\u{1b}[31m", "is not a JSON object"),
    (#"{"version":2,"reward/train":"x"}"#, "reward/train"),
    (#"{"version":2,"reward/train":null}"#, "reward/train"),
    (#"{"version":2,"reward/train":1e300}"#, "reward/train"),
    (#"{"reward/train":1}"#, "has no version"), (#"{"version":-1}"#, "has no version"),
    (#"{"version":1.5}"#, "has no version"), (#"{"version":1e30}"#, "has no version"),
  ])
  func `a garbled line is named`(line: String, words: String) throws {
    try place.write(Data((Self.update + line + "\n" + Self.update).utf8), to: "metrics.jsonl")
    let error = #expect(throws: MetricsLineError.self) { try MetricsLines.read(path) }
    let sentence = "\(try #require(error))"
    #expect(
      sentence.contains("metrics.jsonl is damaged: line 2") && sentence.contains(words),
      "\(sentence)")
    #expect(!sentence.contains("\n"))
  }

  /// A line is being written, or its learner died.
  @Test func `a torn last line is left out, at every length`() throws {
    let whole = Data((Self.update + #"{"version":2,"reward/train":0.75}"#).utf8)
    for length in Self.update.utf8.count...whole.count {
      try place.write(whole.prefix(length), to: "metrics.jsonl")
      #expect(try MetricsLines.read(path).map { $0["version"] } == [1], "\(length) bytes")
    }
    try place.write(Data("{\"ver".utf8), to: "metrics.jsonl")
    #expect(try MetricsLines.read(path).isEmpty)
    try place.write(Data(), to: "metrics.jsonl")
    #expect(try MetricsLines.read(path).isEmpty)
    #expect(MetricsLines.newestUpdate(in: path) == nil)
  }

  @Test func `what is no plain file is not waited for`() throws {
    #expect(throws: MetricsLineError.self) { try MetricsLines.read(path) }
    try #require(mkfifo(path, 0o600) == 0)
    #expect(throws: MetricsLineError.self) { try MetricsLines.read(path) }
    #expect(MetricsLines.newestUpdate(in: path) == nil)
    #expect(throws: MetricsLineError.self) { try MetricsLines.read(place.path) }
  }

  @Test func `the newest update stands at the end of a long file`() throws {
    let lines = (1...2000).map { #"{"version":\#($0),"reward/train":0.5}"# + "\n" }.joined()
    try place.write(
      Data((lines + #"{"version":2000,"eval/soft":1}"# + "\n{\"ver").utf8), to: "metrics.jsonl")
    #expect(MetricsLines.newestUpdate(in: path)?["version"] == 2000)
  }

  // MARK: Expense

  private func line(_ version: Double, _ expense: Expense?) -> [String: Double] {
    var line = ["version": version, Metric.reward.name: 0.5]
    for (metric, value) in expense?.metrics ?? [:] { line[metric.name] = value }
    return line
  }

  @Test func `costs go on from the last line`() throws {
    let spent = Expense(evaluations: 30, judged: 20, coreSeconds: 0.5)
    let earlier = Expense(evaluations: 15, judged: 10, coreSeconds: 0.25)
    var expense = try #require(
      Expense(after: [line(1, earlier), line(2, spent), ["version": 2, Metric.soft.name: 0.5]]))
    #expect(expense == spent)
    expense += Expense(evaluations: 15, judged: 10, coreSeconds: 0.25)
    #expect(expense == Expense(evaluations: 45, judged: 30, coreSeconds: 0.75))
  }

  @Test func `costs begin at nothing, and never in the middle`() {
    #expect(Expense(after: []) == Expense())
    #expect(Expense(after: [["version": 0, Metric.soft.name: 0.5]]) == Expense())
    #expect(Expense(after: [line(1, nil)]) == nil)
    #expect(Expense(after: [line(1, Expense(judged: 1)), line(2, nil)]) == nil)
  }
}
