import Bytes

/// The address of a record.
package struct JournalLocation: Codable, Hashable, Comparable, Sendable, CustomStringConvertible {
  package var segment: UInt64
  /// Of the record's frame, in bytes from the start of the segment.
  package var offset: UInt64

  package init(segment: UInt64, offset: UInt64) {
    self.segment = segment
    self.offset = offset
  }

  package static func < (left: JournalLocation, right: JournalLocation) -> Bool {
    (left.segment, left.offset) < (right.segment, right.offset)
  }

  package var description: String { "segment \(segment), byte \(offset)" }
}

/// The files of a journal: `segment-00000000.tfr` and so on, without gaps. Old segments may be
/// deleted from the front.
enum JournalSegments {
  /// There are fewer; a file whose name has another number is none of our business.
  static let limit: UInt64 = 1 << 20

  static func stem(_ segment: UInt64) -> String {
    let digits = String(segment)
    return "segment-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  static func path(_ segment: UInt64, in directory: String) -> String {
    "\(directory)/\(stem(segment)).tfr"
  }

  /// The segments that exist, in ascending order; other files are none of our business.
  static func list(in directory: String) throws(JournalError) -> [UInt64] {
    let numbers = try present(in: directory)
    for (number, next) in zip(numbers, numbers.dropFirst()) where next != number + 1 {
      throw .missingSegment(directory: directory, segment: number + 1)
    }
    return numbers
  }

  /// The same, also where some are missing between others.
  static func present(in directory: String) throws(JournalError) -> [UInt64] {
    let names: [String]
    do throws(FileError) {
      names = try Directory.names(in: directory)
    } catch {
      throw .file(error)
    }
    return names.compactMap(number).sorted()
  }

  private static func number(of name: String) -> UInt64? {
    guard name.hasPrefix("segment-"), name.hasSuffix(".tfr") else { return nil }
    guard let number = UInt64(name.dropFirst(8).dropLast(4)), number < limit,
      name == stem(number) + ".tfr"
    else { return nil }
    return number
  }
}
