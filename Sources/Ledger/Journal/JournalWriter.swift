import Bytes
import Glibc

/// Appends records to a journal: `segment-00000000.tfr`, and a new segment when one is full.
///
/// A record is durable when ``sync()`` has returned, not before. One writer at a time: hold an
/// ``ExclusiveLock`` beside it.
package struct JournalWriter: ~Copyable, Sendable {
  /// 256 MiB.
  package static let usualSegmentLimit: UInt64 = 256 << 20

  /// The end of an interrupted write, which opening cut off and saved in a file of its own.
  package let recovered: TornTail?

  private let directory: String
  private let headerOfSegment: @Sendable (UInt64) -> [UInt8]
  private let segmentLimit: UInt64
  private var segment: JournalSegment
  /// Where the next record goes.
  private var end: UInt64
  /// What is on stable storage.
  private var durableEnd: UInt64
  private var failure: FileError?

  /// Opens the journal at its end, or makes it. Only the last segment is read.
  ///
  /// Everything in it is durable then: an earlier life may have ended between writing and syncing, and
  /// this one counts on what it reads.
  ///
  /// - Parameters:
  ///   - directory: made if need be, in a parent that exists.
  ///   - headerOfSegment: the first record of a segment, given its number.
  ///   - segmentLimit: bytes; the record that would go beyond it opens a new segment.
  ///   - firstSegment: the number of the first one where the journal is made.
  /// - Throws: ``JournalError/corrupt(path:segment:offset:fault:)`` if the last segment has a bad
  ///   record that is not its end.
  package init(
    directory: String, headerOfSegment: @escaping @Sendable (UInt64) -> [UInt8],
    segmentLimit: UInt64 = usualSegmentLimit, firstSegment: UInt64 = 0
  ) throws(JournalError) {
    try journaling { () throws(FileError) in try Directory.create(directory) }
    let segment: JournalSegment
    var end: UInt64 = 0
    var recovered: TornTail?
    if let last = try JournalSegments.list(in: directory).last {
      segment = try JournalSegment(
        last, in: directory, flags: O_RDWR, recordLimit: JournalSegment.recordLimit)
      let (whole, fault) = try Self.wholeEnd(of: segment)
      end = whole
      if fault != nil { recovered = try TornTail(cutting: segment, at: end, in: directory) }
      try journaling { () throws(FileError) in
        if whole > 0 { try segment.file.sync() }
        try Directory.sync(directory)
      }
    } else {
      segment = try Self.create(firstSegment, in: directory)
    }
    // A life that ended between making a segment and writing its header leaves it empty.
    if end == 0 {
      let header = RecordFrame.framed(headerOfSegment(segment.number))
      try journaling { () throws(FileError) in
        try segment.file.write(header, at: 0)
        try segment.file.syncData()
      }
      end = UInt64(header.count)
    }
    self.directory = directory
    self.headerOfSegment = headerOfSegment
    self.segmentLimit = segmentLimit
    self.segment = segment
    self.end = end
    durableEnd = end
    self.recovered = recovered
  }

  /// Where the next record would go, if it fits the segment.
  package var location: JournalLocation { JournalLocation(segment: segment.number, offset: end) }

  /// Writes one record; it is durable after the next ``sync()``.
  ///
  /// - Throws: ``FileError/full(operation:path:)`` and the like, in ``JournalError/file(_:)``. The
  ///   record is then not in the journal, and the same call can be made again.
  package mutating func append(_ record: [UInt8]) throws(JournalError) -> JournalLocation {
    precondition(
      record.count <= JournalSegment.recordLimit, "a record of \(record.count) bytes is too large")
    try requireHealth()
    let bytes = RecordFrame.byteCount(ofRecord: UInt64(record.count))
    if end + bytes > segmentLimit, end > 0 { try rotate() }
    // Also when the disk was full right after the last rotation.
    if end == 0 { try writeHeader() }
    return try write(record)
  }

  /// Makes all records so far durable.
  ///
  /// - Throws: after a failed `fdatasync` nobody knows what reached the disk: the writer takes
  ///   nothing more.
  package mutating func sync() throws(JournalError) {
    try requireHealth()
    guard end > durableEnd else { return }
    do throws(FileError) {
      try segment.file.syncData()
    } catch {
      failure = error
      // The kernel may call lost bytes clean from now on, and a next life would read and believe them.
      try? segment.file.truncate(to: durableEnd)
      throw .file(error)
    }
    // What is synced into a deleted file is lost when this process ends.
    guard segment.file.isInPlace else {
      let path = segment.file.path
      let isRestored = segment.file.writeBack(to: end)
      // With the folder that it is in, it is as whole as before.
      let place = isRestored ? nil : segment.file.place
      let error =
        place.map { FileError.moved(path: path, to: $0) }
        ?? .gone(path: path, isRestored: isRestored)
      failure = error
      throw .file(error)
    }
    durableEnd = end
  }

  private borrowing func requireHealth() throws(JournalError) {
    if let failure { throw .writerFailed(failure) }
  }

  private mutating func rotate() throws(JournalError) {
    try sync()
    segment = try Self.create(segment.number + 1, in: directory)
    (end, durableEnd) = (0, 0)
  }

  private mutating func writeHeader() throws(JournalError) {
    _ = try write(headerOfSegment(segment.number))
    try sync()
  }

  private mutating func write(_ record: [UInt8]) throws(JournalError) -> JournalLocation {
    let location = location
    let frame = RecordFrame.framed(record)
    do throws(FileError) {
      try segment.file.write(frame, at: end)
    } catch {
      // Part of the record may stand there.
      do throws(FileError) { try segment.file.truncate(to: end) } catch { failure = error }
      throw .file(error)
    }
    end += UInt64(frame.count)
    return location
  }

  private static func create(_ number: UInt64, in directory: String) throws(JournalError)
    -> JournalSegment
  {
    precondition(number < JournalSegments.limit, "segment \(number) would never be read")
    let segment = try JournalSegment(
      number, in: directory, flags: O_RDWR | O_CREAT | O_EXCL,
      recordLimit: JournalSegment.recordLimit)
    try journaling { () throws(FileError) in try Directory.sync(directory) }
    return segment
  }

  /// Where the last whole record ends, and what is wrong with the bytes behind it, if any.
  private static func wholeEnd(of segment: JournalSegment) throws(JournalError)
    -> (end: UInt64, fault: RecordFault?)
  {
    var offset: UInt64 = 0
    while true {
      switch try segment.read(at: offset) {
      case .record(_, let end): offset = end
      case .end: return (offset, nil)
      case .fault(let fault):
        if fault != .short, try segment.recordFollows(offset) {
          throw .corrupt(
            path: segment.file.path, segment: segment.number, offset: offset, fault: fault)
        }
        return (offset, fault)
      }
    }
  }
}
