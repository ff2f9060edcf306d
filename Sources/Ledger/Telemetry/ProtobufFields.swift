/// The fields of a protocol buffer message, one after the other: as much of the encoding as
/// ``ProtobufMessage`` writes.
struct ProtobufFields: Sequence, IteratorProtocol {
  enum Value {
    case varint(UInt64)
    /// Text, bytes or a message.
    case bytes(ArraySlice<UInt8>)
    /// A number of four or eight bytes, which nobody here reads.
    case fixed
  }

  private var rest: ArraySlice<UInt8>

  init(of message: ArraySlice<UInt8>) { rest = message }

  /// The next field; nil at the end, and from the first byte on that no message has.
  mutating func next() -> (number: UInt64, value: Value)? {
    guard let key = varint() else { return nil }
    switch key & 7 {
    case 0:
      guard let value = varint() else { return nil }
      return (key >> 3, .varint(value))
    case 1:
      guard take(8) != nil else { return nil }
      return (key >> 3, .fixed)
    case 2:
      guard let count = varint(), let bytes = take(count) else { return nil }
      return (key >> 3, .bytes(bytes))
    case 5:
      guard take(4) != nil else { return nil }
      return (key >> 3, .fixed)
    default: return nil
    }
  }

  private mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard let byte = rest.popFirst() else { return nil }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }

  private mutating func take(_ count: UInt64) -> ArraySlice<UInt8>? {
    guard count <= UInt64(rest.count) else { return nil }
    defer { rest = rest.dropFirst(Int(count)) }
    return rest.prefix(Int(count))
  }
}
