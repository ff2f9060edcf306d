import Foundation
import TestSupport
import Testing

/// What a run leaves for people after its learner was killed: no hole, and nothing twice.
@Suite(.serialized) struct ResumedRecordTests {
  let folder: ScratchFolder
  let run: String

  init() throws {
    folder = try ScratchFolder()
    run = folder.file("run")
  }

  private func lines() throws -> [[String: Double]] {
    let text = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8)
    return try text.split(separator: "\n").map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Double])
    }
  }

  private func versions(with name: String) throws -> [Double] {
    try lines().filter { $0[name] != nil }.compactMap { $0["version"] }
  }

  /// Every sink has each point once, in order, and the same ones.
  private func expectWhole(updates: Int, evaluations: [Double]) throws {
    #expect(try versions(with: "eval/soft") == evaluations)
    #expect(try versions(with: "reward/train") == (1...updates).map { Double($0) })
    let all = try lines().compactMap { $0["version"] }
    #expect(all == all.sorted())
    let table = try String(contentsOfFile: "\(run)/metrics.csv", encoding: .utf8)
      .split(separator: "\n").dropFirst().map { $0.prefix { $0 != "," } }
    #expect(table.map { Double($0) } == all)
    for version in evaluations {
      let name = String(format: "%06d", Int(version))
      for file in ["eval/\(name).json", "grids/\(name).png"] {
        #expect(FileManager.default.fileExists(atPath: "\(run)/\(file)"), "\(file)")
      }
    }
    let points = try EventPoints(of: run)
    var seen: Set<String> = []
    for line in try lines() {
      let version = UInt64(line["version"] ?? 0)
      // An evaluation repeats some numbers of its version's update.
      for (name, value) in line
      where name != "version" && seen.insert("\(name) \(version)").inserted {
        let read = points.scalars[name]?[version] ?? []
        #expect(read.count == 1, "\(name) at \(version): \(read)")
        #expect(read.allSatisfy { abs($0 - value) <= 1e-6 * abs(value) + 1e-9 }, "\(name)")
      }
    }
    for version in evaluations.map({ UInt64($0) }) {
      #expect(points.others["grid"]?[version] == 1, "grid of \(version)")
    }
    for version in 1...UInt64(updates) {
      #expect(points.others["reward/branches"]?[version] == 1, "histogram of \(version)")
    }
  }

  private func resume(updates: Int, _ more: [String] = []) throws {
    let outcome = try Tributary.run(
      ["train", "--run", run, "--updates", "\(updates)"] + more, in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  /// Kills a run as soon as its output shows something.
  private func start(_ more: [String], updates: Int, killedAt isTime: (String) -> Bool) throws {
    let life = try Tributary.start(DensityRun.arguments(run, updates: updates) + more, in: folder)
    waitUntil("the moment to kill") { isTime(life.text) || !life.isRunning }
    #expect(life.isRunning, "\(life.text)")
    life.kill()
  }

  /// Whether an update's line of this version was printed.
  private func shows(_ version: Int) -> (String) -> Bool {
    { text in
      text.split(separator: "\n").contains {
        let words = $0.split(separator: " ")
        return words.count > 5 && words[0] == "\(version)" && Double(words[1]) != nil
      }
    }
  }

  /// So slow that a kill meets it.
  private static let slow = ["--set", "eval.noises=2000", "--set", "eval.ode_steps=100"]
  private static let quick = ["--set", "eval.noises=4", "--set", "eval.ode_steps=10"]

  @Test func `an evaluation that a kill cut off is made by the next life`() throws {
    try start(Self.slow + ["--set", "eval.every=5"], updates: 15, killedAt: shows(5))
    #expect(try versions(with: "eval/soft") == [0], "it was under way")
    try resume(updates: 12, Self.quick)
    try expectWhole(updates: 12, evaluations: [0, 5, 10, 12])
    let best = try FileManager.default.destinationOfSymbolicLink(
      atPath: "\(run)/checkpoints/best")
    let scores = try ["000000", "000005", "000010", "000012"].map { name in
      let data = try Data(contentsOf: URL(fileURLWithPath: "\(run)/eval/\(name).json"))
      let object = try JSONSerialization.jsonObject(with: data) as? [String: Any]
      return (name: name, score: object?["heldOut"] as? Double ?? 0)
    }
    #expect(scores.first { $0.name == best }?.score == scores.map(\.score).max(), "\(best)")
  }

  @Test func `the first evaluation is made again, too`() throws {
    try start(Self.slow, updates: 3) { $0.contains("listening at") }
    try resume(updates: 3, Self.quick)
    try expectWhole(updates: 3, evaluations: [0, 3])
  }

  /// As after a power cut that took what no sync had written.
  @Test func `evaluations of updates that are run again at resume are made on the way`() throws {
    try start(
      ["--set", "eval.every=4", "--set", "save.every=1000"], updates: 5000, killedAt: shows(13))
    let kept = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8)
      .split(separator: "\n").prefix(3).joined(separator: "\n")
    try Data("\(kept)\n".utf8).write(to: URL(fileURLWithPath: "\(run)/metrics.jsonl"))
    let manager = FileManager.default
    for name in try manager.contentsOfDirectory(atPath: run) where name.hasPrefix("events") {
      try manager.removeItem(atPath: "\(run)/\(name)")
    }
    // Whoever resumes begins at version 0, and runs everything again.
    for name in try manager.contentsOfDirectory(atPath: "\(run)/checkpoints") where name != "000000"
    {
      try manager.removeItem(atPath: "\(run)/checkpoints/\(name)")
    }
    // Some updates beyond the killed life's, however far it came.
    let before = try Tributary.run(["inspect", run, "--json"], in: folder)
    let version = try #require(before.json["versions"] as? Int)
    let end = version - version % 4 + 6
    try resume(updates: end)
    try expectWhole(
      updates: end, evaluations: stride(from: 0, to: end, by: 4).map { Double($0) } + [Double(end)])
  }

  @Test func `a line that was cut off behind its evaluation is written once`() throws {
    #expect(try DensityRun.train(run, updates: 10, in: folder).status == 0)
    let whole = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8)
    let lines = whole.split(separator: "\n")
    #expect(lines[lines.count - 1].contains("eval/soft"))
    // Half of it is there.
    let cut = lines.dropLast().joined(separator: "\n") + "\n" + lines[lines.count - 1].prefix(40)
    try Data(cut.utf8).write(to: URL(fileURLWithPath: "\(run)/metrics.jsonl"))
    try resume(updates: 12)
    try expectWhole(updates: 12, evaluations: [0, 10, 12])
  }

  @Test func `a life that does nothing adds nothing`() throws {
    #expect(try DensityRun.train(run, updates: 4, in: folder).status == 0)
    let before = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8)
    for _ in 0..<3 { try resume(updates: 4) }
    #expect(try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8) == before)
    try expectWhole(updates: 4, evaluations: [0, 4])
  }
}
