import Glibc

/// A second by a clock on a wall, in UTC: `2026-12-24T18:00:00Z`.
package struct WallTime: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Since 1970, up to the end of the year 9999.
  package let seconds: Int64

  /// The nearest one that can be written.
  package init(seconds: Int64) {
    self.seconds = min(max(seconds, 0), 253_402_300_799)
  }

  /// What this machine's clock says.
  package static var now: WallTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(seconds: Int64(time.tv_sec))
  }

  /// nil for another form than that above, and for what no calendar has.
  package init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    let form = Array("0000-00-00T00:00:00Z".utf8)
    guard bytes.count == form.count else { return nil }
    for (byte, expected) in zip(bytes, form) {
      let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      guard expected == UInt8(ascii: "0") ? isDigit : byte == expected else { return nil }
    }
    func number(_ range: Range<Int>) -> CInt { bytes[range].reduce(0) { $0 * 10 + CInt($1 - 48) } }
    var calendar = tm()
    calendar.tm_year = number(0..<4) - 1900
    calendar.tm_mon = number(5..<7) - 1
    calendar.tm_mday = number(8..<10)
    calendar.tm_hour = number(11..<13)
    calendar.tm_min = number(14..<16)
    calendar.tm_sec = number(17..<19)
    self.init(seconds: Int64(timegm(&calendar)))
    // A 31st of February is another day by now.
    guard description.utf8.elementsEqual(bytes) else { return nil }
  }

  package var description: String {
    var (time, calendar) = (time_t(seconds), tm())
    gmtime_r(&time, &calendar)
    func digits(_ number: CInt, _ count: Int = 2) -> String {
      let text = "\(number)"
      return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
    let day = [
      digits(calendar.tm_year + 1900, 4), digits(calendar.tm_mon + 1), digits(calendar.tm_mday),
    ]
    let clock = [calendar.tm_hour, calendar.tm_min, calendar.tm_sec].map { digits($0) }
    return "\(day.joined(separator: "-"))T\(clock.joined(separator: ":"))Z"
  }

  package static func < (one: WallTime, other: WallTime) -> Bool { one.seconds < other.seconds }

  package static func + (time: WallTime, seconds: Int64) -> WallTime {
    let (sum, isTooLarge) = time.seconds.addingReportingOverflow(seconds)
    return WallTime(seconds: isTooLarge ? .max : sum)
  }
}
