import Bytes

/// One record and where it stands.
package struct JournalFrame: Equatable, Sendable {
  package var location: JournalLocation
  package var bytes: [UInt8]

  package init(location: JournalLocation, bytes: [UInt8]) {
    self.location = location
    self.bytes = bytes
  }
}

/// Reads all records of all segments in order; changes no file.
///
/// A writer may append meanwhile: after nil, ``next()`` may find more.
package struct JournalReader: ~Copyable, Sendable {
  /// Whether the journal ended, at the last nil, inside a record: a write that is under way, or one
  /// that a crash interrupted.
  package private(set) var endIsTorn = false

  private let directory: String
  private let recordLimit: Int
  private var segment: JournalSegment?
  private var offset: UInt64 = 0

  /// - Parameters:
  ///   - start: the location of a record; nil is the first one there is.
  ///   - recordLimit: bytes; a larger record is an error before memory is taken for it.
  package init(
    directory: String, from start: JournalLocation? = nil,
    recordLimit: Int = JournalSegment.recordLimit
  )
    throws(JournalError)
  {
    self.directory = directory
    self.recordLimit = recordLimit
    if let start {
      segment = try JournalSegment(start.segment, in: directory, recordLimit: recordLimit)
      offset = start.offset
    } else {
      _ = try JournalSegments.list(in: directory)
    }
  }

  /// The next record, or nil where the journal ends now.
  ///
  /// - Throws: ``JournalError/corrupt(path:segment:offset:fault:)`` for a record that is not whole,
  ///   unless it is the very end of the last segment.
  package mutating func next() throws(JournalError) -> JournalFrame? {
    while true {
      guard let segment = try current() else { return nil }
      let found = try segment.read(at: offset)
      if let frame = take(found, of: segment) { return frame }

      if let following = try JournalSegments.list(in: directory).first(where: {
        $0 > segment.number
      }) {
        // The writer finished this segment before it made the next: what stands here now is final.
        let final = try segment.read(at: offset)
        if let frame = take(final, of: segment) { return frame }
        if case .fault(let fault) = final { throw corrupt(segment, fault) }
        guard following == segment.number + 1 else {
          throw .missingSegment(directory: directory, segment: segment.number + 1)
        }
        self.segment = try JournalSegment(following, in: directory, recordLimit: recordLimit)
        offset = 0
        continue
      }

      guard case .fault(let fault) = found else {
        endIsTorn = false
        return nil
      }
      if fault != .short, try segment.recordFollows(offset) {
        // With a record behind it, this one has been written to its end by now.
        if let frame = take(try segment.read(at: offset), of: segment) { return frame }
        throw corrupt(segment, fault)
      }
      endIsTorn = true
      return nil
    }
  }

  /// One record by its location.
  package static func record(at location: JournalLocation, in directory: String)
    throws(JournalError) -> [UInt8]
  {
    let segment = try JournalSegment(
      location.segment, in: directory, recordLimit: JournalSegment.recordLimit)
    switch try segment.read(at: location.offset) {
    case .record(let bytes, _): return bytes
    case .end:
      throw .corrupt(
        path: segment.file.path, segment: location.segment, offset: location.offset, fault: .short)
    case .fault(let fault):
      throw .corrupt(
        path: segment.file.path, segment: location.segment, offset: location.offset, fault: fault)
    }
  }

  private mutating func current() throws(JournalError) -> JournalSegment? {
    if let segment { return segment }
    guard let first = try JournalSegments.list(in: directory).first else { return nil }
    let opened = try JournalSegment(first, in: directory, recordLimit: recordLimit)
    segment = opened
    return opened
  }

  private mutating func take(_ found: JournalSegment.Found, of segment: JournalSegment)
    -> JournalFrame?
  {
    guard case .record(let bytes, let end) = found else { return nil }
    let location = JournalLocation(segment: segment.number, offset: offset)
    offset = end
    endIsTorn = false
    return JournalFrame(location: location, bytes: bytes)
  }

  private func corrupt(_ segment: JournalSegment, _ fault: RecordFault) -> JournalError {
    .corrupt(path: segment.file.path, segment: segment.number, offset: offset, fault: fault)
  }
}
