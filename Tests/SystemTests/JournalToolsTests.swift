import Foundation
import Records
import Roles
import TestSupport
import Testing
import Transport
import Wire

/// `tributary journal` on the journal of a real run, whole and damaged.
@Suite(.serialized) struct JournalToolsTests {
  static let updates = 4
  /// Eight units an update.
  static let recorded: Result<ScratchFolder, any Error> = Result {
    let folder = try ScratchFolder()
    let outcome = try DensityRun.train(folder.file("run"), updates: updates, in: folder)
    guard outcome.status == 0 else { throw DensityRun.Failure(description: outcome.errors) }
    return folder
  }

  let folder: ScratchFolder
  let run: RunFolder
  var segment: String { "\(run.journal)/segment-00000000.tfr" }

  init() throws {
    folder = try ScratchFolder()
    run = RunFolder(folder.file("run"))
    try FileManager.default.copyItem(
      atPath: try Self.recorded.get().file("run"), toPath: run.path)
  }

  func journal(_ arguments: String...) throws -> Tributary.Outcome {
    try Tributary.run(["journal"] + arguments, in: folder)
  }

  func bytes(_ path: String) throws -> [UInt8] {
    Array(try #require(FileManager.default.contents(atPath: path)))
  }

  func write(_ bytes: [UInt8], _ path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  /// The frames of the journal and what they hold.
  func records() throws -> [(frame: JournalFrame, record: JournalRecord)] {
    var reader = try JournalReader(directory: run.journal)
    var records: [(frame: JournalFrame, record: JournalRecord)] = []
    while let frame = try reader.next() {
      records.append((frame, try JournalRecord(decoding: frame.bytes)))
    }
    return records
  }

  func frame(ofUnit number: UInt64) throws -> JournalFrame {
    try #require(
      try records().first {
        if case .trajectory(UnitID(number), _, _, _) = $0.record { true } else { false }
      }
    ).frame
  }

  func frame(ofCommit update: UInt64) throws -> JournalFrame {
    try #require(
      try records().first {
        if case .commit(let commit) = $0.record { commit.update == update } else { false }
      }
    ).frame
  }

  /// Writes the journal again in segments of about `limit` bytes.
  func rewrite(
    limit: UInt64 = 256 << 20, _ change: ([JournalRecord]) -> [JournalRecord] = { $0 }
  ) throws {
    let old = try records().map(\.record)
    guard case .header(let header) = old[0] else { return }
    try FileManager.default.removeItem(atPath: run.journal)
    var writer = try JournalWriter(
      directory: run.journal,
      headerOfSegment: { number in
        var header = header
        header.segment = number
        return JournalRecord.header(header).encoded()
      }, segmentLimit: limit)
    for record in change(Array(old.dropFirst())) { _ = try writer.append(record.encoded()) }
    try writer.sync()
  }

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

  // MARK: Damage

  func expectFault(_ place: String, _ what: String, about context: String = "") throws {
    let outcome = try journal("verify", run.path)
    #expect(outcome.status == 4, "\(context): \(outcome.output)")
    #expect(outcome.errors.contains(place), "\(context): \(outcome.errors)")
    #expect(outcome.errors.contains(what), "\(context): \(outcome.errors)")
    #expect(outcome.errors.contains("journal repair RUN --salvage"), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
  }

  /// In the first record, in one inside and in the last.
  @Test(arguments: [0, 17, 36]) func `a bit flipped at every structural place`(index: Int) throws {
    let whole = try bytes(segment)
    let frame = try records()[index].frame
    let start = Int(frame.location.offset)
    let data = frame.bytes.count
    let places = [0, 7, 8, 11, 12, 12 + data / 2, 11 + data, 12 + data, 15 + data]
    for place in places {
      var bytes = whole
      bytes[start + place] ^= 0x10
      try write(bytes, segment)
      let what = place < 12 ? "length does not match" : "bytes do not match"
      try expectFault("\(segment): byte \(start):", what, about: "record \(index), byte \(place)")
    }
    let list = try journal("ls", run.path)
    #expect(list.output.contains("damaged"), "\(list.output)")
  }

  @Test func `a torn end is no fault, and resume cuts it and says so`() throws {
    let whole = try bytes(segment)
    let last = Int(try frame(ofCommit: 3).location.offset)
    for length in [last + 1, last + 11, last + 12, last + 40, whole.count - 1] {
      try write(Array(whole.prefix(length)), segment)
      let outcome = try journal("verify", run.path, "--json")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.json["torn_bytes"] as? Int == length - last)
      #expect(outcome.json["commits"] as? Int == 3)
      #expect(outcome.output.contains("\(segment): byte \(last):"), "\(outcome.output)")
    }
    #expect(try journal("ls", run.path).output.contains("torn"))
    let resumed = try DensityRun.train(run.path, in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.json["params_hash"] as? String == (try DensityRun.reference.get()))
    #expect(
      resumed.output.contains(
        "torn bytes were cut and saved as \(run.journal)/segment-00000000.torn-0"),
      "\(resumed.output)")
    #expect(try journal("verify", run.path).status == 0)
  }

  @Test func `records in the wrong place`() throws {
    func isCommit(_ record: JournalRecord, of update: UInt64) -> Bool {
      if case .commit(let commit) = record { commit.update == update } else { false }
    }
    func isUnit(_ record: JournalRecord, _ unit: UInt64) -> Bool {
      if case .trajectory(UnitID(unit), _, _, _) = record { true } else { false }
    }
    let original = try bytes(segment)
    let cases: [(what: String, change: ([JournalRecord]) -> [JournalRecord])] = [
      ("update 1 used unit 9, which is not recorded", { $0.filter { !isUnit($0, 9) } }),
      ("unit 9 is recorded twice", { $0.flatMap { isUnit($0, 9) ? [$0, $0] : [$0] } }),
      (
        "the commit of update 2 stands where 1 is due", { $0.filter { !isCommit($0, of: 1) } }
      ),
      (
        "unit 9 does not have its digest",
        {
          $0.map { record in
            guard case .trajectory(UnitID(9), let epoch, let digest, var payload) = record else {
              return record
            }
            payload[payload.count - 1] ^= 1
            return .trajectory(unit: UnitID(9), epoch: epoch, digest: digest, payload: payload)
          }
        }
      ),
      (
        "the units of update 1 are not the ones that were committed",
        {
          $0.map { record in
            guard case .commit(var commit) = record, commit.update == 1 else { return record }
            commit.unitsDigest = commit.paramsHash
            return .commit(commit)
          }
        }
      ),
    ]
    for (what, change) in cases {
      try write(original, segment)
      try rewrite(change)
      try expectFault("\(segment): byte ", what, about: what)
    }
    try write(original, segment)
    try rewrite { records in
      records.map { record in
        guard case .commit(var commit) = record, commit.update == 3 else { return record }
        commit.paramsHash = commit.stateHash
        return .commit(commit)
      }
    }
    let outcome = try journal("verify", run.path)
    #expect(outcome.status == 4)
    #expect(
      outcome.errors.contains("000004/state.json: byte 0: its hashes are not those"),
      "\(outcome.errors)")
  }

  @Test func `a segment that is gone or of another run`() throws {
    try rewrite(limit: UInt64(bytes(segment).count / 3))
    let second = "\(run.journal)/segment-00000001.tfr"
    let whole = try bytes(second)
    try FileManager.default.removeItem(atPath: second)
    try expectFault("\(second): byte 0:", "missing between others")
    let resumed = try DensityRun.train(run.path, in: folder)
    #expect(resumed.status == 74)
    #expect(resumed.errors.contains("journal repair RUN --salvage"), "\(resumed.errors)")
    try write(whole, second)
    #expect(try journal("verify", run.path).status == 0)
    try FileManager.default.removeItem(atPath: second)
    try FileManager.default.copyItem(atPath: segment, toPath: second)
    try expectFault("\(second): byte 0:", "the header is that of segment 0")
  }

  // MARK: Repair

  @Test func `salvage names what is lost, and the run goes on to the same parameters`() throws {
    var damaged = try bytes(segment)
    for unit in [17, 19] { damaged[Int(try frame(ofUnit: UInt64(unit)).location.offset) + 20] ^= 1 }
    try write(damaged, segment)
    let copy = folder.file("mended")

    let refused = try journal("repair", run.path, "-o", copy)
    #expect(refused.status == 4)
    #expect(refused.errors.contains("add --salvage"), "\(refused.errors)")
    #expect(!FileManager.default.fileExists(atPath: copy))
    let resume = try DensityRun.train(run.path, in: folder)
    #expect(resume.status == 74)
    #expect(resume.errors.contains("journal repair RUN --salvage"), "\(resume.errors)")

    let outcome = try journal("repair", run.path, "-o", copy, "--salvage", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("update 2 lost units 17, 19"), "\(outcome.output)")
    #expect(outcome.json["version"] as? Int == 2)
    #expect((outcome.json["lost"] as? [String: [Int]]) == ["2": [17, 19]])
    // 14 of the updates 2 and 3, which were open then, and 16 of the updates before.
    #expect(outcome.json["units"] as? Int == 30)
    #expect(outcome.json["left_out"] as? Int == 2)
    #expect(try bytes(segment) == damaged, "never in place")
    let again = try journal("repair", run.path, "-o", copy, "--salvage")
    #expect(again.status == 64)
    #expect(again.errors.contains("\(copy) exists"), "\(again.errors)")

    try FileManager.default.removeItem(atPath: run.journal)
    try FileManager.default.moveItem(atPath: copy, toPath: run.journal)
    #expect(try journal("verify", run.path).status == 0)
    let resumed = try DensityRun.train(run.path, in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.json["params_hash"] as? String == (try DensityRun.reference.get()))
    let replay = try Tributary.run(["replay", run.path, "--verify", "--json"], in: folder)
    #expect(replay.status == 0, "\(replay.errors)")
    #expect(replay.json["verified"] as? Int == DensityRun.updates)
    #expect(try journal("verify", run.path).status == 0)
  }

  @Test func `salvage of a lost commit and of the header loses no unit`() throws {
    var damaged = try bytes(segment)
    damaged[20] ^= 1
    damaged[Int(try frame(ofCommit: 1).location.offset) + 20] ^= 1
    try write(damaged, segment)
    let outcome = try journal("repair", run.path, "--salvage", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("update 1 lost its commit"), "\(outcome.output)")
    #expect(outcome.json["version"] as? Int == 1)
    try FileManager.default.removeItem(atPath: run.journal)
    try FileManager.default.moveItem(
      atPath: "\(run.path)/journal-repaired", toPath: run.journal)
    let resumed = try DensityRun.train(run.path, in: folder)
    #expect(resumed.json["params_hash"] as? String == (try DensityRun.reference.get()))
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
    // Cells of 8 + 4 pixels and gaps of 4: a column for each branch, a row for each point.
    func number(_ at: Int) -> Int { png[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
    #expect(number(16) == 4 + rewards.count * 16)
    #expect(number(20) == 4 + 8 * points.count * 16)

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
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "\(repositoryRoot())/scripts/journal.py", run.path]
    let path = folder.file("python")
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    process.standardOutput = file
    process.standardError = file
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, try String(contentsOfFile: path, encoding: .utf8))
  }

  @Test func `the reader in Python sees the same records`() throws {
    let expected = try records().map { frame, record in
      let text =
        switch record {
        case .header(let header): "header run \(header.runID)"
        case .trajectory(let unit, _, let digest, _):
          "unit \(unit.rawValue) version \(max(1, unit.rawValue / 8) - 1) digest \(digest)"
        case .commit(let commit): "commit update \(commit.update) params_hash \(commit.paramsHash)"
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

  // MARK: Retention

  @Test func `pruning keeps what a resume needs, and says from where replay works`() throws {
    // A segment for about half an update.
    let trained = try DensityRun.train(run.path, in: folder, more: ["--set", "save.every=4"])
    #expect(trained.status == 0, "\(trained.errors)")
    try rewrite(limit: UInt64(bytes(segment).count / 20))
    let before = try FileManager.default.contentsOfDirectory(atPath: run.journal).count
    #expect(before > 12)

    let all = try journal("prune", run.path, "--keep", "100", "--json")
    #expect(all.status == 0, "\(all.errors)")
    #expect((all.json["deleted"] as? [String])?.isEmpty == true)
    #expect(all.json["replayable_from"] as? Int == 0)

    // Nothing is to be kept, but for what a resume from the last but one checkpoint needs.
    let start = try #require(try Checkpoint.versions(in: run).suffix(2).first)
    #expect((5..<12).contains(start))
    let pruned = try journal("prune", run.path, "--keep", "0", "--json")
    #expect(pruned.status == 0, "\(pruned.errors)")
    let deleted = try #require(pruned.json["deleted"] as? [String])
    #expect(deleted.count > 3)
    #expect(pruned.output.contains("replay works from version \(start) on"), "\(pruned.output)")
    let left = try FileManager.default.contentsOfDirectory(atPath: run.journal).count
    #expect(left == before - deleted.count)

    let verify = try journal("verify", run.path, "--json")
    #expect(verify.status == 0, "\(verify.errors)")
    let from = try #require(verify.json["replayable_from"] as? Int)
    #expect((1...Int(start)).contains(from))
    #expect(
      verify.output.contains("updates can be replayed from version \(from) on"),
      "\(verify.output)")
    let replay = try Tributary.run(["replay", run.path, "--verify", "--json"], in: folder)
    #expect(replay.status == 0, "\(replay.errors)")
    #expect(replay.json["verified"] as? Int == 12 - Int(start))
    #expect(replay.output.contains("from version \(start) on"), "\(replay.output)")
    #expect(replay.json["params_hash"] as? String == (try DensityRun.reference.get()))
    let resumed = try DensityRun.train(run.path, updates: 13, in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try journal("verify", run.path).status == 0)
  }

  @Test func `a damaged journal is not pruned`() throws {
    try rewrite(limit: UInt64(bytes(segment).count / 3))
    var damaged = try bytes(segment)
    damaged[damaged.count - 1] ^= 1
    try write(damaged, segment)
    let outcome = try journal("prune", run.path, "--keep", "0")
    #expect(outcome.status == 4)
    #expect(outcome.errors.contains("\(segment) is damaged"), "\(outcome.errors)")
    #expect(FileManager.default.fileExists(atPath: segment))
  }

  @Test func `a whole record that means nothing is named, and salvage passes it over`() throws {
    let end = try bytes(segment).count
    var writer = try JournalWriter(directory: run.journal, headerOfSegment: { _ in [0] })
    _ = try writer.append([255, 255, 255])
    try writer.sync()
    let outcome = try journal("verify", run.path)
    #expect(outcome.status == 4)
    #expect(outcome.errors.contains("\(segment): byte \(end):"), "\(outcome.errors)")
    #expect(try journal("cat", run.path).output.contains("unknown"))
    let refused = try journal("repair", run.path)
    #expect(refused.status == 4)
    #expect(refused.errors.contains("byte \(end):"), "\(refused.errors)")
    #expect(refused.errors.contains("add --salvage"), "\(refused.errors)")
    let mended = try journal("repair", run.path, "--salvage", "--json")
    #expect(mended.status == 0, "\(mended.errors)")
    #expect(mended.json["units"] as? Int == 32)
    #expect(mended.json["version"] as? Int == 4)
    #expect(mended.output.contains("says nothing that can be used"), "\(mended.output)")
  }

  @Test func `repair and prune wait for no learner, they refuse`() throws {
    let lock = try RunLock(run)
    defer { withExtendedLifetime(lock) {} }
    for arguments in [["repair", run.path], ["prune", run.path, "--keep", "1"]] {
      let outcome = try Tributary.run(["journal"] + arguments, in: folder)
      #expect(outcome.status == 64)
      #expect(outcome.errors.contains("\(run.path) is in use"), "\(outcome.errors)")
    }
    #expect(try journal("verify", run.path).status == 0)
  }
}
