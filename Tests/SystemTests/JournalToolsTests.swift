import Bytes
import Foundation
import Journal
import Ledger
import Records
import TestSupport
import Testing
import Wire

/// `tributary journal` on a whole journal, and who else reads one.
@Suite(.serialized) struct JournalToolsTests: JournalTests {
  let folder: ScratchFolder
  let run: RunFolder

  init() throws { (folder, run) = try RecordedRun.copy() }

  // MARK: Whole journals

  @Test func `ls, cat and verify say what is there`() throws {
    let list = try journal("ls", run.path, "--json")
    #expect(list.status == 0, "\(list.errors)")
    let segments = try #require(list.json["segments"] as? [[String: Any]])
    #expect(segments.count == 1)
    #expect(segments[0]["updates"] as? [Int] == [0, 3])
    #expect(segments[0]["versions"] as? [Int] == [1, 4])
    #expect(segments[0]["units"] as? Int == 32)
    #expect(segments[0]["commits"] as? Int == 4)
    #expect(segments[0]["records"] as? Int == 37)
    #expect(segments[0]["bytes"] as? Int == (try bytes(segment).count))
    #expect(segments[0]["state"] as? String == "open")

    let verify = try journal("verify", run.path, "--json")
    #expect(verify.status == 0, "\(verify.errors)")
    #expect(verify.json["records"] as? Int == 37)
    #expect(verify.json["commits"] as? Int == 4)
    #expect(verify.json["pending"] as? Int == 0)
    #expect((verify.json["checkpoints"] as? Int ?? 0) >= 1)

    let text = try journal("cat", run.path)
    #expect(text.output.split(separator: "\n").count == 38)
    let lines = try journal("cat", run.path, "--updates", "1..2", "--json").output
      .split(separator: "\n").map {
        try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
      }
    #expect(lines.count == 18)
    let units = lines.filter { $0["kind"] as? String == "unit" }
    #expect(units.compactMap { $0["unit"] as? Int }.sorted() == Array(8..<24))
    #expect(units.allSatisfy { ($0["update"] as? Int ?? 0) - 1 == $0["version"] as? Int })
    let commits = lines.filter { $0["kind"] as? String == "commit" }
    #expect(commits.compactMap { $0["version"] as? Int } == [2, 3])
    // The mean of the units' means is the commit's.
    let mean =
      units.filter { $0["update"] as? Int == 1 }.compactMap { $0["reward"] as? Double }
      .reduce(0, +) / 8
    #expect(abs(mean - (commits[0]["reward"] as? Double ?? 0)) < 1e-5)
  }

  @Test func `segments are sealed but the last`() throws {
    try rewrite(limit: UInt64(bytes(segment).count / 3))
    let list = try journal("ls", run.path, "--json")
    let segments = try #require(list.json["segments"] as? [[String: Any]])
    #expect(segments.count > 1)
    #expect(segments.dropLast().allSatisfy { $0["state"] as? String == "sealed" })
    #expect(segments.last?["state"] as? String == "open")
    #expect(try journal("verify", run.path).status == 0)
  }

  @Test func `updates must be a range`() throws {
    let outcome = try journal("cat", run.path, "--updates", "5..3")
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("--updates"), "\(outcome.errors)")
  }

  // MARK: Export and other readers

  @Test func `export writes a line for each unit, and pictures of chosen updates`() throws {
    let lines = folder.file("units.jsonl")
    let outcome = try journal("export", run.path, "--updates", "1..2", "-o", lines)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let units = try String(contentsOfFile: lines, encoding: .utf8).split(separator: "\n").map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
    }
    #expect(units.compactMap { $0["unit"] as? Int }.sorted() == Array(8..<24))
    let points = try #require(units[0]["points"] as? [[String: Any]])
    let rewards = try #require(points[0]["rewards"] as? [[Double]])
    #expect(rewards.count == (points[0]["log_densities"] as? [Double])?.count)
    #expect(rewards.allSatisfy { $0.count == 1 })
    #expect((units[0]["text"] as? String)?.isEmpty == false)

    let sheet = folder.file("sheet.png")
    let drawn = try journal(
      "export", run.path, "--format", "png", "--updates", "3", "--side", "8", "-o", sheet)
    #expect(drawn.status == 0, "\(drawn.errors)")
    let png = try bytes(sheet)
    #expect(Array(png.prefix(4)) == [0x89, 0x50, 0x4e, 0x47])
    func number(_ png: [UInt8], _ at: Int) -> Int {
      png[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    #expect(number(png, 16) <= 1_600 && number(png, 20) <= 1_000)
    #expect(!FileManager.default.fileExists(atPath: folder.file("sheet-2.png")))

    // Units of 256 pixels do not fit one page.
    let large = try journal("export", run.path, "--format", "png", "-o", sheet)
    #expect(large.status == 0, "\(large.errors)")
    #expect(large.output.contains("sheet-3.png"), "\(large.output)")
    for page in [sheet, folder.file("sheet-2.png")] {
      let png = try bytes(page)
      #expect(number(png, 16) <= 1_600 && number(png, 20) <= 1_000)
    }

    let none = try journal("export", run.path, "--updates", "9", "-o", lines)
    #expect(none.status == 64)
    #expect(none.errors.contains("journal ls"), "\(none.errors)")
    let nowhere = try journal("export", run.path, "-o", folder.file("no/such/file"))
    #expect(nowhere.status == 74, "\(nowhere.errors)")
    var damaged = try bytes(segment)
    let place = Int(try frame(ofUnit: 9).location.offset)
    damaged[place + 20] ^= 1
    try write(damaged, segment)
    let refused = try journal("export", run.path, "-o", lines)
    #expect(refused.status == 4)
    #expect(refused.errors.contains("\(segment): byte \(place):"), "\(refused.errors)")
  }

  func python() throws -> (status: Int32, output: String) {
    try outcome(
      of: "/bin/sh",
      [
        "-c", "exec python3 \"$0\" \"$1\" 2>&1", "\(repositoryRoot())/scripts/readers/journal.py",
        run.path,
      ])
  }

  @Test func `the reader in Python sees the same records`() throws {
    let expected = try records().map { frame, record in
      let text =
        switch record {
        case .header(let header): "header run \(header.runID)"
        case .trajectory(let unit, _, let digest, _):
          "unit \(unit.rawValue) version \(max(1, unit.rawValue / 8) - 1) digest \(digest)"
        case .commit(let commit): "commit update \(commit.update) params_hash \(commit.paramsHash)"
        case .voided(let voided): "voided unit \(voided.unit.rawValue) digest \(voided.digest)"
        }
      return "0 \(frame.location.offset) \(text) \(frame.bytes.count + 16)"
    }
    let whole = try python()
    #expect(whole.status == 0, "\(whole.output)")
    #expect(whole.output.split(separator: "\n").map(String.init) == expected)
    var damaged = try bytes(segment)
    let place = Int(try frame(ofUnit: 9).location.offset)
    damaged[place + 20] ^= 1
    try write(damaged, segment)
    let refused = try python()
    #expect(refused.status == 4)
    #expect(
      refused.output.contains("\(segment): byte \(place): the bytes do not match"),
      "\(refused.output)")
  }

  // MARK: Replaying a part

  @Test func `replay of a range verifies these updates alone`() throws {
    func replay(_ updates: String) throws -> Tributary.Outcome {
      try Tributary.run(["replay", run.path, "--updates", updates, "--json"], in: folder)
    }
    let commits = try records().compactMap { _, record -> Commit? in
      if case .commit(let commit) = record { commit } else { nil }
    }
    let middle = try replay("1..2")
    #expect(middle.status == 0, "\(middle.errors)")
    #expect(middle.json["verified"] as? Int == 2)
    #expect(middle.json["params_hash"] as? String == "\(commits[2].paramsHash)")
    #expect(middle.output.contains("version 2 matches"), "\(middle.output)")
    #expect(!middle.output.contains("version 1 matches"), "\(middle.output)")
    #expect(!middle.output.contains("version 4 matches"), "\(middle.output)")

    let beyond = try replay("2..4")
    #expect(beyond.status == 64)
    #expect(beyond.errors.contains("update 4 is not committed"), "\(beyond.errors)")

    // Without the first checkpoint only what follows the others can be replayed.
    let resumed = try DensityRun.train(run.path, updates: 6, in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    let oldest = try #require(try Checkpoint.versions(in: run).first { $0 > 0 })
    try FileManager.default.removeItem(atPath: Checkpoint.path(of: 0, in: run))
    let before = try replay("0..1")
    #expect(before.status == 64)
    #expect(
      before.errors.contains("ask for updates from \(oldest) on"), "\(before.errors)")
    let after = try replay("\(oldest)..5")
    #expect(after.status == 0, "\(after.errors)")
    #expect(after.json["verified"] as? Int == 6 - Int(oldest))

    // A wrong hash inside the range is named, one behind it is not asked for.
    try rewrite { records in
      records.map { record in
        guard case .commit(var commit) = record, commit.update == 5 else { return record }
        commit.paramsHash = commit.stateHash
        return .commit(commit)
      }
    }
    let mismatch = try replay("\(oldest)..5")
    #expect(mismatch.status == 4)
    #expect(mismatch.errors.contains("update 5"), "\(mismatch.errors)")
    if oldest < 5 { #expect(try replay("\(oldest)..4").status == 0) }
  }
}
