import Bytes
import Foundation
import Telemetry
import TestSupport
import Testing

/// The framing and the first fields; `scripts/readers/formats` reads the same files with TensorBoard.
struct EventsFileTests {
  let place: ScratchFolder

  init() throws { place = try ScratchFolder() }

  private func events(committed: UInt64, _ write: (EventsFile) throws -> Void) throws -> [[UInt8]] {
    let file = try EventsFile(
      directory: place.path, life: 7, committed: committed, clock: { 1_700_000_000 })
    try write(file)
    return try records(in: Array(place.read("events.out.tfevents.1700000000.tributary.7")))
  }

  /// The payloads of a row of TFRecords; both checksums of each are checked.
  private func records(in bytes: [UInt8]) throws -> [[UInt8]] {
    func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
      bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    var records: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      try #require(rest.count >= 16)
      let (length, start) = (Array(rest.prefix(8)), rest.startIndex)
      let count = Int(number(length[...]))
      let payload = Array(rest[(start + 12)..<(start + 12 + count)])
      #expect(
        number(rest[(start + 8)..<(start + 12)]) == UInt64(CRC32C.masked(CRC32C.of(length))))
      #expect(
        number(rest[(start + 12 + count)..<(start + 16 + count)])
          == UInt64(CRC32C.masked(CRC32C.of(payload))))
      records.append(payload)
      rest = rest.dropFirst(16 + count)
    }
    return records
  }

  @Test func `a file begins with its format`() throws {
    let events = try events(committed: 0) { _ in }
    #expect(events.count == 1)
    #expect(events[0].suffix(15) == [0x1a, 13] + Array("brain.Event:2".utf8))
  }

  @Test func `a later life voids what was not committed`() throws {
    let events = try events(committed: 20) { _ in }
    // step 21, session_log {status: START}
    #expect(events[1].suffix(6) == [0x10, 21, 0x3a, 2, 0x08, 1])
    #expect(events[1] == events[2], "TensorBoard ignores the first one of a run")
  }

  /// What `scripts/readers/formats` shows with TensorBoard's own reader.
  @Test func `a point that an earlier life wrote is not written again`() throws {
    func life(
      _ life: UInt64, committed: UInt64, at time: Double, _ write: (EventsFile) throws -> Void
    ) throws {
      try write(
        EventsFile(directory: place.path, life: life, committed: committed, clock: { time }))
    }
    try life(9, committed: 0, at: 1_700_000_000) { events in
      for version: UInt64 in 1...3 {
        try events.scalars(["reward/train": 0.5, "version": 3], version: version)
      }
      try events.picture("grid", png: [1], width: 1, height: 1, version: 2)
    }
    // Version 3 was not committed; this life's clock is an hour behind.
    try life(10, committed: 2, at: 1_699_996_400) { events in
      #expect(events.reached == 2)
      #expect(!events.lacks("reward/train", at: 2) && !events.lacks("grid", at: 2))
      #expect(events.lacks("eval/soft", at: 2))
      #expect(events.lacks("reward/train", at: 3))
      try events.scalars(["reward/train": 0.5, "eval/soft": 1], version: 2)
      for _ in 0..<2 { try events.scalars(["reward/train": 0.75], version: 3) }
      #expect(!events.lacks("reward/train", at: 3))
      try events.text("command", "tributary train", version: 2)
      try events.hyperparameters([("loss.kl.beta", "0.1"), ("task.name", "density")])
    }
    try life(11, committed: 3, at: 1_700_000_000) { events in
      for tag in ["reward/train"] { #expect(!events.lacks(tag, at: 3)) }
      for tag in ["eval/soft", "reward/train", "grid", "command"] {
        #expect(!events.lacks(tag, at: 2), "\(tag)")
      }
      #expect(!events.lacks("_hparams_/session_start_info", at: 0))
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: place.path)
      .filter { $0.contains("tfevents") }.sorted()
    #expect(names.map { $0.split(separator: ".").last } == ["9", "10", "11"])
  }

  @Test func `what is no events file, or a torn one, holds nothing`() throws {
    try place.write(Data([1, 2, 3]), to: "events.out.tfevents.17.x")
    try place.write(Data(repeating: 0xff, count: 64), to: "events.out.tfevents.words")
    let events = try EventsFile(
      directory: place.path, life: 1, committed: 5, clock: { 1_700_000_000 })
    #expect(events.reached == 0 && events.lacks("reward/train", at: 0))
  }

  @Test func `a scalar is a tag and a float`() throws {
    let events = try events(committed: 0) {
      try $0.scalars(["version": 3, "reward/train": 0.5], version: 3)
    }
    let tag = [0x0a, 12] + Array("reward/train".utf8)
    let value = tag + [0x15, 0, 0, 0, 0x3f]
    let (inner, outer) = (UInt8(value.count), UInt8(value.count + 2))
    #expect(Array(events[1].dropFirst(9)) == [0x10, 3, 0x2a, outer, 0x0a, inner] + value)
  }

  @Test func `a histogram of what is not finite is left out`() throws {
    let events = try events(committed: 0) {
      try $0.histogram("h", of: [0, .nan], version: 1)
      try $0.histogram("h", of: [], version: 1)
      try $0.histogram("h", of: [1, 1, 2], version: 1)
    }
    #expect(events.count == 2)
  }
}
