import Bytes
import Foundation
import Journal
import Learning
import Ledger
import Records
import Tasks
import Wire

extension FuzzTarget {
  /// A journal of one or two segments: the first byte says whether the rest is their bytes or
  /// records to be framed, where it is cut, and whether a byte of it is turned over.
  static let journal = FuzzTarget("journal", byteLimit: 4_096) { bytes in
    let mode = bytes.first ?? 0
    let rest = Array(bytes.dropFirst())
    var content = mode & 1 == 0 ? rest : records(in: rest).flatMap(framed)
    if mode & 2 != 0, let last = rest.last, !content.isEmpty {
      content[Int(last) * content.count / 256] ^= 1 << (mode >> 5)
    }
    let cut = mode & 4 == 0 ? content.count : Int(mode >> 3) * content.count / 32
    let folder = try TestFolder("journal")
    try folder.write(Array(content[..<cut]), "segment-00000000.tfr")
    if cut < content.count { try folder.write(Array(content[cut...]), "segment-00000001.tfr") }
    try checkJournal(in: folder.path, byteCount: content.count)
  }

  private static func checkJournal(in path: String, byteCount: Int) throws {
    var walked: [JournalFrame] = []
    var isWhole = true
    _ = try decode([], within: Budget(factor: 0, base: 4 * byteCount + 2 << 20)) {
      _ throws(JournalError) in
      var scan = try JournalScan(directory: path, recordLimit: 64 << 20)
      while let finding = try scan.next() {
        switch finding {
        case .record(let frame, _): if isWhole { walked.append(frame) }
        case .damage: isWhole = false
        }
      }
    }
    var scan = try JournalScan(directory: path, recordLimit: 64 << 20)
    var ends: [UInt64: UInt64] = [:]
    while let finding = try scan.next() {
      let (place, count) =
        switch finding {
        case .record(let frame, let count): (frame.location, count)
        case .damage(let damage): (damage.location, damage.byteCount)
        }
      try require(
        place.offset == ends[place.segment] ?? 0, "findings overlap or leave bytes out at \(place)")
      ends[place.segment] = place.offset + count
    }
    for segment in scan.segments {
      try require(ends[segment.number] ?? 0 == segment.byteCount, "a segment's end is not found")
    }
    let read = try frames(in: path)
    try require(
      read.frames == walked, "\(read.frames.count) records are read and \(walked.count) walked over"
    )
    guard read.isReadable else { return }
    do {
      var writer = try JournalWriter(directory: path, headerOfSegment: { [UInt8($0)] })
      let place = try writer.append([1, 2, 3])
      try writer.sync()
      try require(
        JournalReader.record(at: place, in: path) == [1, 2, 3], "an appended record is not there")
    }
    let behind = try frames(in: path)
    try require(
      behind.isReadable && behind.frames.starts(with: read.frames)
        && behind.frames.last?.bytes == [1, 2, 3], "what was there or was added is not read")
  }

  /// Up to damage, if there is any.
  private static func frames(in path: String) throws -> (frames: [JournalFrame], isReadable: Bool) {
    var frames: [JournalFrame] = []
    do throws(JournalError) {
      var reader = try JournalReader(directory: path, recordLimit: 64 << 20)
      while let frame = try reader.next() { frames.append(frame) }
    } catch {
      return (frames, false)
    }
    return (frames, true)
  }

  /// The journal of a run, from records whose checksums all hold: everything that reads one. An odd
  /// first byte gives payloads their digests.
  static let audit = FuzzTarget("audit", byteLimit: 16_384) { bytes in
    let mode = bytes.first ?? 0
    var content: [UInt8] = []
    for record in records(in: Array(bytes.dropFirst())) {
      var record = record
      if mode & 1 != 0,
        case .trajectory(let unit, let epoch, _, let payload)? = try? JournalRecord(
          decoding: record)
      {
        record =
          JournalRecord.trajectory(
            unit: unit, epoch: epoch, digest: Digest(of: payload), payload: payload
          ).encoded()
      }
      content += framed(record)
    }
    let folder = try TestFolder("audit", with: ["journal", "checkpoints"])
    let run = RunFolder(folder.path)
    let name = mode & 2 == 0 ? "segment-00000000.tfr" : "segment-00000003.tfr"
    try folder.write(content, "journal/\(name)")
    let tiny = try TinyRun.shared()
    let audit = try decode([], within: Budget(factor: 0, base: 8 * content.count + 4 << 20)) { _ in
      try JournalAudit(of: run, recipe: tiny.recipe, terms: tiny.terms)
    }
    let contents = try decode([], within: Budget(factor: 0, base: 8 * content.count + 4 << 20)) {
      _ in try JournalContents(of: run)
    }
    try require(audit == nil || contents != nil, "a journal that verifies has no contents")
    _ = try? SegmentSummary.all(of: run, recipe: tiny.recipe)
    if var updates = try? RecordedUpdates(nil, of: run, recipe: tiny.recipe) {
      while let unit = try? updates.next() {
        let line = TrajectoryLine(
          unit.trajectory, update: unit.update, prompts: tiny.recipe.task.trainPrompts)
        try require(!line.encoded().isEmpty, "a unit has no line")
      }
    }
    let copy = folder.path + "/copy"
    let salvage = try? JournalSalvage(
      of: run, to: copy, recipe: tiny.recipe, terms: tiny.terms, salvaging: true)
    guard let salvage else { return }
    try require(
      audit == nil || salvage.commits.count == audit?.commits,
      "a journal that verifies lost commits when it was copied")
    var units = try CommittedUpdates(directory: copy)
    while let committed = try? units.next() {
      try require(committed.commit.update < salvage.version, "a copy holds what was left out")
    }
  }

  /// Two bytes of length, the lower first, before each.
  private static func records(in bytes: [UInt8]) -> [[UInt8]] {
    var records: [[UInt8]] = []
    var rest = bytes[...]
    while let low = rest.popFirst() {
      let count = Int(low) + Int(rest.popFirst() ?? 0) << 8
      records.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return records
  }

  /// As the journal's writer frames a record.
  private static func framed(_ record: [UInt8]) -> [UInt8] {
    func little(_ value: some FixedWidthInteger) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    let length = little(UInt64(record.count))
    return length + little(CRC32C.masked(CRC32C.of(length))) + record
      + little(CRC32C.masked(CRC32C.of(record)))
  }
}
