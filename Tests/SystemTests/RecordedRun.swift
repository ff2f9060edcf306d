import Foundation
import Journal
import Ledger
import Records
import TestSupport
import Testing
import Wire

/// A real run of four updates with eight units each, recorded once.
enum RecordedRun {
  static let updates = 4
  private static let recorded: Result<ScratchFolder, any Error> = Result {
    let folder = try ScratchFolder()
    let outcome = try DensityRun.train(folder.file("run"), updates: updates, in: folder)
    guard outcome.status == 0 else { throw DensityRun.Failure(description: outcome.errors) }
    return folder
  }

  /// A copy of one's own.
  static func copy() throws -> (folder: ScratchFolder, run: RunFolder) {
    let folder = try ScratchFolder()
    let run = RunFolder(folder.file("run"))
    try FileManager.default.copyItem(atPath: try recorded.get().file("run"), toPath: run.path)
    return (folder, run)
  }
}

/// Tests that look at the journal of a copy of the recorded run, or change it.
protocol JournalTests {
  var folder: ScratchFolder { get }
  var run: RunFolder { get }
}

extension JournalTests {
  var segment: String { "\(run.journal)/segment-00000000.tfr" }

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
}
