import Foundation
import FoundationXML
import TestSupport
import Testing

/// `tributary compare` on run folders: whole, older, garbled.
struct CompareTests {
  /// Two configurations with two seeds each.
  static let swept: Result<ScratchFolder, any Error> = Result {
    let folder = try ScratchFolder()
    for beta in ["0.02", "0.3"] {
      for seed in ["1", "2"] {
        let outcome = try DensityRun.train(
          folder.file("runs/\(beta)/\(seed)"), actors: 1, updates: 3, in: folder,
          more: ["--seed", seed, "--set", "loss.kl.beta=\(beta)"])
        guard outcome.status == 0 else { throw DensityRun.Failure(description: outcome.errors) }
      }
    }
    return folder
  }

  let folder: ScratchFolder
  let runs: String

  init() throws {
    folder = try ScratchFolder()
    runs = folder.file("runs")
    try FileManager.default.copyItem(
      atPath: try Self.swept.get().file("runs"), toPath: runs)
  }

  private func compare(_ arguments: String...) throws -> Tributary.Outcome {
    try Tributary.run(["compare"] + arguments, in: folder)
  }

  @Test func `runs that differ by their seed alone are one group`() throws {
    let outcome = try compare(runs, "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let groups = try #require(outcome.json["groups"] as? [[String: Any]])
    #expect(
      groups.compactMap { $0["configuration"] as? String } == [
        "density", "density loss.kl.beta=0.3",
      ])
    for group in groups {
      #expect((group["runs"] as? [Any])?.count == 2 && group["updates"] as? Int == 3)
      let soft = try #require(group["soft"] as? [String: Any])
      #expect(soft["count"] as? Int == 2 && soft["half_width"] as? Double != nil)
      #expect((group["judged"] as? [String: Any])?["mean"] as? Int == 576)
    }
    // Named twice, and through a folder, a run counts once.
    let twice = try compare("\(runs)/0.3", "\(runs)/0.3/1", "\(runs)/0.3/2/", "--json")
    let once = try #require(twice.json["groups"] as? [[String: Any]])
    #expect((once.first?["runs"] as? [Any])?.count == 2, "\(twice.output)")
  }

  @Test func `a run that cannot be read is named, and the others are compared`() throws {
    let damaged = "\(runs)/0.3/1"
    try Data("{".utf8).write(to: URL(fileURLWithPath: "\(damaged)/config.yaml"))
    let outcome = try compare(runs, "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("! \(damaged) is left out: "), "\(outcome.errors)")
    #expect((outcome.json["groups"] as? [Any])?.count == 2)
    try Data("{\n".utf8).write(to: URL(fileURLWithPath: "\(runs)/0.3/2/metrics.jsonl"))
    let other = try compare(runs)
    #expect(other.output.contains("! \(runs)/0.3/2 is left out: "), "\(other.output)")
    let alone = try compare(damaged)
    #expect(alone.status == 64 && alone.errors.contains("nothing to compare"), "\(alone.errors)")
  }

  @Test func `another way of scoring is another group, another rhythm of saving is not`() throws {
    for (run, change) in [
      ("0.3/1", ("noises: 4", "noises: 2")), ("0.02/1", ("every: 10", "every: 5")),
      ("0.02/2", ("max_pause: 0", "max_pause: 600")), ("0.02/2", ("keep: 0", "keep: 50")),
    ] {
      let path = "\(runs)/\(run)/config.yaml"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      try #require(text.contains(change.0), "\(text)")
      try Data(text.replacing(change.0, with: change.1).utf8).write(to: URL(fileURLWithPath: path))
    }
    let groups = try #require(
      try compare(runs, "--json").json["groups"] as? [[String: Any]])
    #expect(
      Set(groups.compactMap { $0["configuration"] as? String }) == [
        "density", "density loss.kl.beta=0.3", "density loss.kl.beta=0.3 eval.noises=2",
      ])
  }

  @Test func `chart and tables are written`() throws {
    let out = folder.file("figures")
    let outcome = try compare(runs, "--out", out, "--metric", "strict")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let svg = try #require(FileManager.default.contents(atPath: "\(out)/compare.svg"))
    #expect(XMLParser(data: svg).parse())
    #expect(String(decoding: svg, as: UTF8.self).components(separatedBy: "<polyline").count == 9)
    func lines(_ name: String) -> [Substring] {
      String(
        decoding: FileManager.default.contents(atPath: "\(out)/\(name)") ?? Data(), as: UTF8.self
      )
      .split(separator: "\n")
    }
    // Versions 0 to 3 of four runs; of them 0 and 3 are evaluated.
    #expect(lines("points.csv").count == 1 + 4 * 4)
    #expect(lines("means.csv").count == 1 + 2 * 2)
    #expect(lines("compare.md").prefix(4).allSatisfy { $0.hasPrefix("| ") })
    #expect(lines("compare.md").last == "![eval/strict](compare.svg)")

    let one = try compare(runs, "--out", out, "--x", "core-seconds")
    #expect(one.status == 0, "\(one.errors)")
    let panel = FileManager.default.contents(atPath: "\(out)/compare.svg") ?? Data()
    #expect(String(decoding: panel, as: UTF8.self).components(separatedBy: "<polyline").count == 3)
  }

  @Test func `a run of an earlier release shows what it did not count as missing`() throws {
    let outcome = try compare("Tests/Fixtures/run-1", "--out", folder.file("figures"))
    #expect(outcome.status == 0, "\(outcome.errors)")
    let row = outcome.output.split(separator: "\n")[2].split(separator: "|")
      .map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(row[1...2] == ["1", "3"] && row[7...9] == ["–", "–", "–"], "\(row)")
    #expect(outcome.output.contains("an earlier release"), "\(outcome.output)")
  }

  @Test func `an earlier release's run that goes on does not count from the middle`() throws {
    let run = folder.file("older")
    try FileManager.default.copyItem(atPath: "Tests/Fixtures/run-1", toPath: run)
    let resumed = try Tributary.run(
      ["train", "--run", run, "--actors", "1", "--updates", "4"], in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    let metrics = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8)
    #expect(metrics.contains("\"version\":4") && !metrics.contains("total/"))
  }

  /// A life that is killed leaves updates that are run again, or commits without a line.
  @Test func `costs go on after a kill, and nothing counts twice`() throws {
    let run = folder.file("killed")
    func judged() -> [Double] {
      let text = FileManager.default.contents(atPath: "\(run)/metrics.jsonl") ?? Data()
      return text.split(separator: UInt8(ascii: "\n")).compactMap { line in
        let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
        // Evaluations have lines of their own.
        guard object?["reward/train"] != nil else { return nil }
        return (object?["total/judged"] as? NSNumber)?.doubleValue
      }
    }
    let life = try Tributary.start(
      DensityRun.arguments(run, actors: 1, updates: 1_000_000), in: folder)
    defer { life.kill() }
    // The newest checkpoint is of version 10.
    waitUntil("13 updates") { judged().count >= 13 }
    life.kill()
    let end = judged().count + 50
    let resumed = try DensityRun.train(run, actors: 1, updates: end, in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(judged() == (1...end).map { 192 * Double($0) })
  }

  @Test func `a garbled line gives one sentence`() throws {
    let path = "\(runs)/0.3/1/metrics.jsonl"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try Data((#"{"version":1,"reward/tr"# + "\n" + text).utf8).write(to: URL(fileURLWithPath: path))
    let others = try compare(runs)
    #expect(others.status == 0)
    #expect(others.output.contains("0.3/1/metrics.jsonl is damaged: line 1"), "\(others.output)")
    let outcome = try compare("\(runs)/0.3/1")
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("0.3/1/metrics.jsonl is damaged: line 1"), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  @Test func `runs of different lengths are compared where all of them are`() throws {
    let longer = try Tributary.run(
      ["train", "--run", "\(runs)/0.3/1", "--actors", "1", "--updates", "5"], in: folder)
    #expect(longer.status == 0, "\(longer.errors)")
    let outcome = try compare("\(runs)/0.3", "--json")
    #expect((outcome.json["groups"] as? [[String: Any]])?.first?["updates"] as? Int == 3)
    #expect(outcome.output.contains("the last evaluations differ"), "\(outcome.output)")
  }

  @Test func `what cannot be compared is said`() throws {
    let empty = folder.file("empty")
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
    let cases: [([String], String)] = [
      ([empty], "there is no run folder in"), ([folder.file("no")], "neither a run folder nor"),
      (["\(runs)/0.3/1/config.yaml"], "neither a run folder nor"),
      ([runs, "--metric", "beauty"], "beauty"), ([runs, "--x", "days"], "days"), ([], "folder"),
    ]
    for (arguments, words) in cases {
      let outcome = try Tributary.run(["compare"] + arguments, in: folder)
      #expect(outcome.status == 64 && outcome.errors.contains(words), "\(outcome.errors)")
    }
    try FileManager.default.removeItem(atPath: "\(runs)/0.3/1/metrics.jsonl")
    let one = try compare("\(runs)/0.3/1")
    #expect(one.status == 64 && one.errors.contains("has no metrics yet"), "\(one.errors)")
    let other = try compare("\(runs)/0.3", "--json")
    #expect(other.status == 0 && other.output.contains("is left out"), "\(other.errors)")
  }
}
