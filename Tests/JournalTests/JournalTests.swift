import Bytes
import Glibc
import Journal
import TestSupport
import Testing

struct JournalTests {
  let scratch = Scratch()
  var directory: String { scratch.file("journal") }

  @Test func `framing is that of TF record`() throws {
    var writer = try open()
    _ = try writer.append(Array("123456789".utf8))
    try writer.sync()
    // The header is one byte, hence 17 bytes of frame. The checksums come from a bitwise CRC in
    // Python.
    let bytes = RawFile.read(segment(0))
    #expect(bytes.count == 17 + 25)
    #expect(bytes[17..<25] == [9, 0, 0, 0, 0, 0, 0, 0])
    #expect(Array(bytes[25..<29]) == [0x37, 0xf9, 0x71, 0x39])
    #expect(Array(bytes[29..<38]) == Array("123456789".utf8))
    #expect(Array(bytes[38..<42]) == [0xe5, 0xb0, 0x8a, 0xc7])
  }

  @Test(arguments: 0..<20) func `every record comes back where it was put`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var writer = try open(limit: 4_096)
    var frames: [JournalFrame] = []
    for _ in 0..<200 {
      let record = (0..<Int.random(in: 0...300, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      frames.append(JournalFrame(location: try writer.append(record), bytes: record))
      if Int.random(in: 0..<10, using: &random) == 0 { try writer.sync() }
      // Another life goes on where this one stopped.
      if Int.random(in: 0..<50, using: &random) == 0 { writer = try open(limit: 4_096) }
    }
    #expect(writer.location.segment > 3)
    let all = try records()
    #expect(all.filter { $0.location.offset != 0 } == frames)
    // Each segment begins with its header.
    let headers = all.filter { $0.location.offset == 0 }
    #expect(headers.map(\.bytes) == (0...writer.location.segment).map { [UInt8($0)] })
    for frame in frames {
      let bytes = try JournalReader.record(at: frame.location, in: directory)
      #expect(bytes == frame.bytes)
    }
    for number in 0...writer.location.segment {
      #expect(RawFile.read(segment(number)).count <= 4_096)
    }
  }

  @Test func `a torn tail is cut and saved aside at every byte`() throws {
    var writer = try open()
    _ = try writer.append([1, 2, 3])
    let end = try writer.append([4, 5, 6, 7, 8]).offset
    let whole = RawFile.read(segment(0))
    for length in Int(end) + 1..<whole.count {
      for name in Scratch.names(in: directory) { unlink("\(directory)/\(name)") }
      RawFile.write(Array(whole.prefix(length)), segment(0))

      var reader = try JournalReader(directory: directory)
      var count = 0
      while try reader.next() != nil { count += 1 }
      #expect(count == 2)
      expectTorn(reader, true)
      #expect(RawFile.read(segment(0)).count == length, "a reader changes nothing")

      var writer = try open()
      let recovered = writer.recovered
      let tail = try #require(recovered)
      #expect(tail.location == JournalLocation(segment: 0, offset: end))
      #expect(tail.byteCount == UInt64(length) - end)
      #expect(tail.path == "\(directory)/segment-00000000.torn-0")
      #expect(RawFile.read(tail.path) == Array(whole[Int(end)..<length]))
      _ = try writer.append([9])
      #expect(try records().map(\.bytes) == [[0], [1, 2, 3], [9]])
    }
  }

  @Test func `torn tails do not overwrite each other`() throws {
    _ = try open()
    for attempt in 0..<3 {
      append([1, 2, 3], to: segment(0))
      let writer = try open()
      let recovered = writer.recovered
      #expect(recovered?.path == "\(directory)/segment-00000000.torn-\(attempt)")
    }
  }

  @Test func `an interrupted header is written again`() throws {
    _ = try open()
    RawFile.write(Array(RawFile.read(segment(0)).prefix(5)), segment(0))
    var writer = try open()
    _ = try writer.append([1])
    #expect(try records().map(\.bytes) == [[0], [1]])
  }

  @Test func `damage in the middle of the last segment is refused`() throws {
    var writer = try open()
    let first = try writer.append([1, 2, 3])
    let second = try writer.append([4, 5, 6])
    let whole = RawFile.read(segment(0))
    for position in Int(first.offset)..<Int(second.offset) {
      var bytes = whole
      bytes[position] ^= 0x10
      RawFile.write(bytes, segment(0))
      let fault: RecordFault = position < Int(first.offset) + 12 ? .length : .data
      let expected = JournalError.corrupt(
        path: segment(0), segment: 0, offset: first.offset, fault: fault)
      #expect(throws: expected) { try records() }
      #expect(throws: expected) { _ = try open() }
      #expect(RawFile.read(segment(0)) == bytes, "damaged files are left as they are")
    }
  }

  @Test func `an earlier segment must be whole`() throws {
    var writer = try open(limit: 60)
    for record in 0..<6 { _ = try writer.append([UInt8](repeating: UInt8(record), count: 20)) }
    let last = writer.location.segment
    #expect(last == 5)
    let whole = RawFile.read(segment(2))
    RawFile.write(Array(whole.dropLast()), segment(2))
    #expect(
      throws: JournalError.corrupt(path: segment(2), segment: 2, offset: 17, fault: .short)
    ) { try records() }
    RawFile.write(whole, segment(2))
    #expect(try records().count == 12)
  }

  @Test func `a missing segment is refused and deleted old ones are not`() throws {
    var writer = try open(limit: 60)
    for record in 0..<6 { _ = try writer.append([UInt8](repeating: UInt8(record), count: 20)) }
    unlink(segment(0))
    #expect(try records().count == 10)
    unlink(segment(3))
    let expected = JournalError.missingSegment(directory: directory, segment: 3)
    #expect(throws: expected) { try records() }
    #expect(throws: expected) { _ = try open() }
  }

  @Test func `a reader follows a writer`() throws {
    var writer = try open(limit: 100)
    var reader = try JournalReader(directory: directory)
    #expect(try reader.next()?.bytes == [0])
    for number in 1..<50 {
      #expect(try reader.next() == nil)
      expectTorn(reader, false)
      let record = [UInt8](repeating: UInt8(number), count: 40)
      let location = try writer.append(record)
      var frame = try reader.next()
      if frame?.location.offset == 0 { frame = try reader.next() }
      #expect(frame == JournalFrame(location: location, bytes: record))
    }
  }

  @Test func `a reader sees a record when its last byte is there`() throws {
    var writer = try open()
    _ = try writer.append([1, 2, 3])
    let whole = RawFile.read(segment(0))
    var reader = try JournalReader(directory: directory)
    RawFile.write(Array(whole.prefix(17)), segment(0))
    #expect(try reader.next()?.bytes == [0])
    for length in 18..<whole.count {
      RawFile.write(Array(whole.prefix(length)), segment(0))
      #expect(try reader.next() == nil)
      expectTorn(reader, true)
    }
    RawFile.write(whole, segment(0))
    #expect(try reader.next()?.bytes == [1, 2, 3])
    #expect(try reader.next() == nil)
    expectTorn(reader, false)
  }

  @Test func `a record above the limit is refused before memory is taken`() throws {
    var writer = try open()
    let location = try writer.append([UInt8](repeating: 7, count: 100))
    var reader = try JournalReader(directory: directory, recordLimit: 99)
    _ = try reader.next()
    #expect(
      throws: JournalError.recordTooLarge(
        path: segment(0), segment: 0, offset: location.offset, bytes: 100, limit: 99)
    ) { _ = try reader.next() }
  }

  @Test func `a reader can start at a location`() throws {
    var writer = try open(limit: 60)
    _ = try writer.append([1])
    let location = try writer.append([2])
    var reader = try JournalReader(directory: directory, from: location)
    #expect(try reader.next()?.bytes == [2])
  }

  @Test func `a directory without a journal is empty or an error`() throws {
    let scratch = Scratch()
    var reader = try JournalReader(directory: scratch.path)
    #expect(try reader.next() == nil)
    #expect(throws: JournalError.self) {
      _ = try JournalReader(directory: scratch.file("none"))
    }
  }

  @Test func `a full disk is named`() throws {
    mkdir(directory, 0o755)
    // A file on which every write fails for want of space.
    symlink("/dev/full", segment(0))
    #expect(throws: JournalError.file(.full(operation: "writing", path: segment(0)))) {
      _ = try open()
    }
  }

  private func open(limit: UInt64 = 256 << 20) throws -> JournalWriter {
    try JournalWriter(
      directory: directory, headerOfSegment: { [UInt8($0)] }, segmentLimit: limit)
  }

  private func segment(_ number: UInt64) -> String {
    let digits = String(number)
    return "\(directory)/segment-\(String(repeating: "0", count: 8 - digits.count))\(digits).tfr"
  }

  private func records() throws -> [JournalFrame] {
    var reader = try JournalReader(directory: directory)
    var frames: [JournalFrame] = []
    while let frame = try reader.next() { frames.append(frame) }
    return frames
  }

  private func expectTorn(
    _ reader: borrowing JournalReader, _ expected: Bool,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let isTorn = reader.endIsTorn
    #expect(isTorn == expected, sourceLocation: sourceLocation)
  }

  private func append(_ bytes: [UInt8], to path: String) {
    RawFile.write(RawFile.read(path) + bytes, path)
  }
}
