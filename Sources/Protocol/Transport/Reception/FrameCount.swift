/// Counts the frames of a ZMTP 3 connection in the bytes that a peer sends, of which no frame's contents are
/// looked at.
///
/// libzmq keeps about two hundred bytes for each part beside its contents, so a peer that sends parts of
/// nothing costs a hundred times what it sends.
///
/// Source: ZeroMQ RFC 23: a greeting of 64 bytes; then frames of flags (bit 1: the length has eight bytes
/// and not one), length, body.
package struct FrameCount: Sendable {
  private enum Place: Equatable {
    case greeting(Int)
    case flags
    /// Bytes of the length still to come, and what those before them say.
    case length(Int, UInt64)
    case body(UInt64)
  }

  private static let greetingBytes = 64
  private var place = Place.greeting(0)

  package init() {}

  /// Reads what comes next.
  ///
  /// - Returns: frames that begin in it; nil for a greeting that no ZMTP 3 has, after which the bytes mean
  ///   something else.
  package mutating func count(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var count = 0
    var index = 0
    while index < bytes.count {
      switch place {
      case .greeting(let seen):
        guard Self.isGreeting(bytes[index], at: seen) else { return nil }
        place = seen + 1 == Self.greetingBytes ? .flags : .greeting(seen + 1)
        index += 1
      case .flags:
        count += 1
        place = .length(bytes[index] & 2 != 0 ? 8 : 1, 0)
        index += 1
      case .length(let left, let value):
        let value = value << 8 | UInt64(bytes[index])
        place = left > 1 ? .length(left - 1, value) : value == 0 ? .flags : .body(value)
        index += 1
      case .body(let left):
        let passed = min(left, UInt64(bytes.count - index))
        place = left == passed ? .flags : .body(left - passed)
        index += Int(passed)
      }
    }
    return count
  }

  /// The signature and the version decide how libzmq reads what follows.
  private static func isGreeting(_ byte: UInt8, at place: Int) -> Bool {
    switch place {
    case 0: byte == 0xff
    case 9: byte == 0x7f
    case 10: byte >= 3
    default: true
    }
  }
}
