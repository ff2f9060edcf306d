import Bytes
import Glibc

/// One open segment, read at any offset.
package final class JournalSegment: Sendable {
  /// What stands at an offset.
  enum Found {
    case record([UInt8], end: UInt64)
    /// The file ends exactly here.
    case end
    case fault(RecordFault)
  }

  /// Of every record that is written: no reader asks for more.
  package static let recordLimit = 512 << 20

  let number: UInt64
  let file: FileDescriptor
  private let recordLimit: Int

  init(_ number: UInt64, in directory: String, flags: CInt = O_RDONLY, recordLimit: Int)
    throws(JournalError)
  {
    self.number = number
    self.recordLimit = recordLimit
    do throws(FileError) {
      file = try FileDescriptor(opening: JournalSegments.path(number, in: directory), flags)
    } catch {
      throw .file(error)
    }
  }

  func size() throws(JournalError) -> UInt64 {
    try journaling { () throws(FileError) in try file.size() }
  }

  /// Reads the record at `offset`. Memory for it is taken only when its length is confirmed by its
  /// checksum, within the limit and within the file.
  func read(at offset: UInt64) throws(JournalError) -> Found {
    let size = try size()
    guard offset < size else { return .end }
    let head = try bytes(RecordFrame.headBytes, at: offset)
    guard head.count == RecordFrame.headBytes else { return .fault(.short) }
    guard let length = head.withUnsafeBytes({ RecordFrame.length($0) }) else {
      return .fault(.length)
    }
    guard length <= UInt64(recordLimit) else {
      throw .recordTooLarge(
        path: file.path, segment: number, offset: offset, bytes: length, limit: recordLimit)
    }
    let end = offset + RecordFrame.byteCount(ofRecord: length)
    guard end <= size else { return .fault(.short) }
    let count = Int(length) + RecordFrame.tailBytes
    var data = try bytes(count, at: offset + UInt64(RecordFrame.headBytes))
    guard data.count == count else { return .fault(.short) }
    guard data.withUnsafeBytes({ RecordFrame.isWhole($0) }) else { return .fault(.data) }
    data.removeLast(RecordFrame.tailBytes)
    return .record(data, end: end)
  }

  /// Whether a bad record at `offset` is damage and not the end of an interrupted write: after such
  /// an end comes nothing, so any whole record behind it was written later.
  func recordFollows(_ offset: UInt64) throws(JournalError) -> Bool {
    try recordOffset(after: offset) != nil
  }

  /// Where the first whole record behind a bad one begins.
  func recordOffset(after offset: UInt64) throws(JournalError) -> UInt64? {
    let step = 1 << 20
    var base = offset + 1
    var checksums = StretchChecksums(from: base)
    let size = try size()
    while true {
      let window = try bytes(step + RecordFrame.headBytes - 1, at: base)
      let places = window.count - RecordFrame.headBytes + 1
      guard places > 0 else { return nil }
      let hits = window.withUnsafeBytes { window in
        (0..<min(places, step)).filter { place in
          RecordFrame.length(
            UnsafeRawBufferPointer(rebasing: window[place..<place + RecordFrame.headBytes])) != nil
        }
      }
      for place in hits.map({ base + UInt64($0) }) {
        if try isRecord(at: place, size: size, &checksums) { return place }
      }
      base += UInt64(step)
    }
  }

  /// Whether a whole record begins where a head stands, without reading what it claims to hold: heads
  /// within heads would be read over and over.
  private func isRecord(at offset: UInt64, size: UInt64, _ checksums: inout StretchChecksums)
    throws(JournalError) -> Bool
  {
    let head = try bytes(RecordFrame.headBytes, at: offset)
    guard head.count == RecordFrame.headBytes,
      let length = head.withUnsafeBytes({ RecordFrame.length($0) }), length <= UInt64(recordLimit),
      offset + RecordFrame.byteCount(ofRecord: length) <= size
    else { return false }
    let start = offset + UInt64(RecordFrame.headBytes)
    let tail = try bytes(RecordFrame.tailBytes, at: start + length)
    guard tail.count == RecordFrame.tailBytes else { return false }
    let stored = tail.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
    let checksum = try journaling { () throws(FileError) in
      try checksums.checksum(start..<start + length, of: file)
    }
    return CRC32C.masked(checksum) == UInt32(littleEndian: stored)
  }

  private func bytes(_ count: Int, at offset: UInt64) throws(JournalError) -> [UInt8] {
    try journaling { () throws(FileError) in try file.read(count, at: offset) }
  }
}
