import Bytes

/// Walks through everything that stands in a journal, also behind damage; changes no file.
///
/// ``JournalReader`` stops where a record is not whole; this one says what is wrong there and goes
/// on at the next whole record, which the twelve bytes of its head and its checksum give away.
package struct JournalScan: ~Copyable, Sendable {
  package enum Finding: Sendable {
    case record(JournalFrame, byteCount: UInt64)
    case damage(JournalDamage)
  }

  /// The segments that there are, ascending.
  package let segments: [SegmentFile]

  private let directory: String
  private let recordLimit: Int
  private var index = 0
  private var segment: JournalSegment?
  private var offset: UInt64 = 0
  private var missing: [UInt64]

  /// - Parameters:
  ///   - recordLimit: bytes; a larger record counts as damage.
  ///   - only: the one segment to walk through; nil for all.
  package init(directory: String, recordLimit: Int, only: UInt64? = nil) throws(JournalError) {
    self.directory = directory
    self.recordLimit = recordLimit
    let numbers = try JournalSegments.present(in: directory).filter { only == nil || $0 == only }
    var segments: [SegmentFile] = []
    for number in numbers {
      let file = try JournalSegment(number, in: directory, recordLimit: recordLimit)
      segments.append(
        SegmentFile(number: number, path: file.file.path, byteCount: try file.size()))
    }
    self.segments = segments
    missing = zip(numbers, numbers.dropFirst()).flatMap { Array($0 + 1..<$1) }
  }

  /// What comes next, or nil at the end. Bytes that a writer appends meanwhile are left out.
  package mutating func next() throws(JournalError) -> Finding? {
    while index < segments.count {
      let place = segments[index]
      if let lost = missing.first, lost < place.number {
        missing.removeFirst()
        return .damage(
          JournalDamage(
            path: JournalSegments.path(lost, in: directory),
            location: JournalLocation(segment: lost, offset: 0), byteCount: 0, cause: .missing))
      }
      let segment = try current(place)
      guard offset < place.byteCount else {
        self.segment = nil
        offset = 0
        index += 1
        continue
      }
      return try read(segment, of: place)
    }
    return nil
  }

  private mutating func read(_ segment: JournalSegment, of place: SegmentFile)
    throws(JournalError) -> Finding
  {
    let location = JournalLocation(segment: place.number, offset: offset)
    let fault: RecordFault
    do throws(JournalError) {
      switch try segment.read(at: offset) {
      case .record(let bytes, let end):
        defer { offset = end }
        return .record(JournalFrame(location: location, bytes: bytes), byteCount: end - offset)
      case .fault(let found): fault = found
      case .end: fault = .short
      }
    } catch .recordTooLarge {
      fault = .length
    }
    let following = try segment.recordOffset(after: offset)
    let end = following ?? max(place.byteCount, offset + 1)
    defer { offset = end }
    // What an interrupted write leaves behind, and nothing else.
    let isTail = following == nil && index == segments.count - 1 && fault == .short
    return .damage(
      JournalDamage(
        path: place.path, location: location, byteCount: end - offset,
        cause: isTail ? .torn : .fault(fault)))
  }

  private mutating func current(_ place: SegmentFile) throws(JournalError) -> JournalSegment {
    if let segment { return segment }
    let opened = try JournalSegment(place.number, in: directory, recordLimit: recordLimit)
    segment = opened
    return opened
  }
}

/// One file of a journal.
package struct SegmentFile: Hashable, Sendable {
  package var number: UInt64
  package var path: String
  package var byteCount: UInt64
}

/// Bytes of a journal that are not whole records.
package struct JournalDamage: Hashable, Sendable, CustomStringConvertible {
  package enum Cause: Hashable, Sendable {
    /// The end of an interrupted write, behind everything else: the next learner cuts it.
    case torn
    case fault(RecordFault)
    /// A segment between others is not there.
    case missing
  }

  package var path: String
  package var location: JournalLocation
  /// Up to the next whole record or the end of the file.
  package var byteCount: UInt64
  package var cause: Cause

  package init(path: String, location: JournalLocation, byteCount: UInt64, cause: Cause) {
    self.path = path
    self.location = location
    self.byteCount = byteCount
    self.cause = cause
  }

  package var description: String {
    switch cause {
    case .torn: "\(path): byte \(location.offset): the last \(byteCount) bytes are a torn record"
    case .fault(let fault):
      "\(path): byte \(location.offset): \(fault), \(byteCount) bytes cannot be read"
    case .missing: "\(path): byte 0: the segment is missing between others"
    }
  }
}
