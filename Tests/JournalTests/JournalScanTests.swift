import Bytes
import Foundation
import Journal
import TestSupport
import Testing

/// What a walk through a damaged journal finds, for every byte that can be wrong.
struct JournalScanTests {
  let scratch = Scratch()
  var directory: String { scratch.file("journal") }

  /// Two records behind the header: 17 + 19 + 21 bytes.
  private func journal() throws -> [UInt8] {
    var writer = try JournalWriter(directory: directory, headerOfSegment: { [UInt8($0)] })
    _ = try writer.append([1, 2, 3])
    _ = try writer.append([4, 5, 6, 7, 8])
    try writer.sync()
    return RawFile.read(segment(0))
  }

  private func segment(_ number: UInt64) -> String { "\(directory)/segment-0000000\(number).tfr" }

  private func scan() throws -> (records: [[UInt8]], damages: [JournalDamage]) {
    var scan = try JournalScan(directory: directory, recordLimit: 64 << 20)
    var found: (records: [[UInt8]], damages: [JournalDamage]) = ([], [])
    while let finding = try scan.next() {
      switch finding {
      case .record(let frame, let byteCount):
        #expect(byteCount == UInt64(frame.bytes.count) + 16)
        found.records.append(frame.bytes)
      case .damage(let damage): found.damages.append(damage)
      }
    }
    return found
  }

  @Test func `a whole journal has no damage`() throws {
    _ = try journal()
    let found = try scan()
    #expect(found.records == [[0], [1, 2, 3], [4, 5, 6, 7, 8]])
    #expect(found.damages.isEmpty)
  }

  @Test func `every flipped bit loses its record and no other`() throws {
    let whole = try journal()
    let records: [[UInt8]] = [[0], [1, 2, 3], [4, 5, 6, 7, 8]]
    let starts = [0, 17, 36, 57]
    #expect(whole.count == 57)
    for position in whole.indices {
      for bit in 0..<8 {
        var bytes = whole
        bytes[position] ^= 1 << bit
        RawFile.write(bytes, segment(0))
        let index = starts.lastIndex { $0 <= position } ?? 0
        let found = try scan()
        #expect(found.records == records.indices.filter { $0 != index }.map { records[$0] })
        let fault: RecordFault = position < starts[index] + 12 ? .length : .data
        #expect(
          found.damages == [
            JournalDamage(
              path: segment(0),
              location: JournalLocation(segment: 0, offset: UInt64(starts[index])),
              byteCount: UInt64(starts[index + 1] - starts[index]), cause: .fault(fault))
          ])
      }
    }
  }

  @Test func `a journal cut at every byte is torn there`() throws {
    let whole = try journal()
    for length in 0...whole.count {
      RawFile.write(Array(whole.prefix(length)), segment(0))
      let found = try scan()
      let end = [0, 17, 36, 57].last { $0 <= length } ?? 0
      #expect(found.records.count == [0, 17, 36, 57].firstIndex(of: end))
      if end == length {
        #expect(found.damages.isEmpty)
      } else {
        #expect(found.damages.map(\.cause) == [.torn])
        #expect(found.damages.map(\.byteCount) == [UInt64(length - end)])
      }
    }
  }

  @Test func `an earlier segment that is cut is damaged and not torn, and one may be missing`()
    throws
  {
    let whole = try journal()
    RawFile.write(Array(whole.dropLast()), segment(0))
    RawFile.write(whole, segment(3))
    let found = try scan()
    #expect(found.damages.map(\.cause) == [.fault(.short), .missing, .missing])
    #expect(found.damages.map(\.location.segment) == [0, 1, 2])
    #expect(found.records.count == 5)
  }

  @Test(arguments: ["18446744073709551615", "18446744073709551614", "99999999"])
  func `a number that no segment has is a foreign file`(number: String) throws {
    let whole = try journal()
    RawFile.write(whole, "\(directory)/segment-\(number).tfr")
    let found = try scan()
    #expect(found.records.count == 3 && found.damages.isEmpty)
    var writer = try JournalWriter(directory: directory, headerOfSegment: { [UInt8($0)] })
    #expect(try writer.append([9]).segment == 0)
  }
}

extension JournalScanTests {
  /// A byte in twelve begins something that looks like a record as long as the rest: reading what each
  /// claims would be reading the file 170,000 times; it is some 500.
  @Test func `heads within heads are not all read`() throws {
    let count = 4 << 20
    var bytes: [UInt8] = []
    func little(_ value: some FixedWidthInteger) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    while bytes.count + 12 < count {
      let length = little(UInt64(count - bytes.count - 16))
      bytes += length + little(CRC32C.masked(CRC32C.of(length)))
    }
    bytes += Array(repeating: 0, count: count - bytes.count)
    _ = try journal()
    RawFile.write(bytes, segment(0))
    let before = try bytesRead
    let found = try scan()
    #expect(found.records.isEmpty && found.damages.count == 1)
    let times = Double(try bytesRead - before) / Double(count)
    #expect(times < 5_000, "the file was read \(times) times over")
  }

  /// Bytes that system calls of this thread have read so far, the kernel's own count.
  private var bytesRead: Int {
    get throws {
      let counts = try String(contentsOfFile: "/proc/thread-self/io", encoding: .utf8)
      let line = try #require(counts.split(separator: "\n").first { $0.hasPrefix("rchar: ") })
      return try #require(Int(line.dropFirst("rchar: ".count)))
    }
  }
}
