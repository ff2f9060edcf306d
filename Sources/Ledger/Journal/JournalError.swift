package import Bytes

/// What can be wrong with a journal.
package enum JournalError: Error, Equatable, CustomStringConvertible {
  case file(FileError)
  /// A record that is not whole, where it cannot be the end of an interrupted write.
  case corrupt(path: String, segment: UInt64, offset: UInt64, fault: RecordFault)
  /// The record is whole as far as its length, and larger than the reader takes.
  case recordTooLarge(path: String, segment: UInt64, offset: UInt64, bytes: UInt64, limit: Int)
  /// Segments on both sides exist, this one does not.
  case missingSegment(directory: String, segment: UInt64)
  /// An earlier failure left the writer's file in doubt.
  case writerFailed(FileError)

  package var description: String {
    switch self {
    case .file(let error):
      error.description
    case .corrupt(let path, let segment, let offset, let fault):
      "\(path): segment \(segment) is damaged at byte \(offset): \(fault); restore the file from a "
        + "copy, because acknowledged results would be lost with it, or save what is readable: "
        + "tributary journal repair RUN --salvage"
    case .recordTooLarge(let path, let segment, let offset, let bytes, let limit):
      "\(path): segment \(segment) has a record of \(bytes) bytes at byte \(offset), at most "
        + "\(limit) are allowed"
    case .missingSegment(let directory, let segment):
      "\(directory): segment \(segment) is missing between others; restore it from a copy, "
        + "or save what is readable: tributary journal repair RUN --salvage"
    case .writerFailed(let error):
      "the journal takes no more records after an earlier failure (\(error)); start again, and it "
        + "will be checked"
    }
  }
}

/// Why bytes are not a whole record.
package enum RecordFault: Equatable, Sendable, CustomStringConvertible {
  /// The file ends first.
  case short
  case length
  case data
  /// Its checksums hold, and what it says cannot be used.
  case content

  package var description: String {
    switch self {
    case .short: "the record ends with the file"
    case .length: "the record's length does not match its checksum"
    case .data: "the record's bytes do not match their checksum"
    case .content: "the record is intact but its content is unusable"
    }
  }
}

/// Runs calls on files; their errors become the journal's.
func journaling<Result>(_ body: () throws(FileError) -> Result) throws(JournalError) -> Result {
  do throws(FileError) {
    return try body()
  } catch {
    throw .file(error)
  }
}
