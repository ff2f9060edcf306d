import Bytes
import Glibc

/// The bytes behind the last whole record, cut off a segment and kept beside it as
/// `segment-00000000.torn-0` and so on.
package struct TornTail: Equatable, Sendable {
  package var location: JournalLocation
  package var byteCount: UInt64
  /// The file that holds them now.
  package var path: String

  /// Saves the bytes from `offset` on, durably, and then cuts them.
  package init(cutting segment: JournalSegment, at offset: UInt64, in directory: String)
    throws(JournalError)
  {
    let size = try segment.size()
    location = JournalLocation(segment: segment.number, offset: offset)
    byteCount = size - offset
    path = try journaling { () throws(FileError) in
      let copy = try Self.create(beside: segment.number, in: directory)
      var position = offset
      while position < size {
        let piece = try segment.file.read(Int(min(size - position, 1 << 20)), at: position)
        guard !piece.isEmpty else { break }
        try copy.write(piece, at: position - offset)
        position += UInt64(piece.count)
      }
      try copy.sync()
      try Directory.sync(directory)
      try segment.file.truncate(to: offset)
      try segment.file.sync()
      return copy.path
    }
  }

  private static func create(beside number: UInt64, in directory: String) throws(FileError)
    -> FileDescriptor
  {
    var attempt = 0
    while true {
      let path = "\(directory)/\(JournalSegments.stem(number)).torn-\(attempt)"
      do throws(FileError) {
        return try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL)
      } catch .refused(_, _, EEXIST) {
        attempt += 1
      }
    }
  }
}
