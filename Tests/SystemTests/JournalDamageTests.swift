import Foundation
import Journal
import Ledger
import Records
import TestSupport
import Testing
import Wire

/// `tributary journal` on a damaged journal, and what it saves of it.
@Suite(.serialized) struct JournalDamageTests: JournalTests {
  let folder: ScratchFolder
  let run: RunFolder

  init() throws { (folder, run) = try RecordedRun.copy() }

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
        "the commit of update 2 is where 1 is due", { $0.filter { !isCommit($0, of: 1) } }
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
    #expect(mended.output.contains("its content is unusable"), "\(mended.output)")
  }
}
