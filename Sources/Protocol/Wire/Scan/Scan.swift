/// Checks encoded bytes against a table before protobuf-c sees them: one pass, no allocation unless
/// it fails, and a depth that the tables bound.
///
/// What passes has known fields only, each of its type, within its length and not too often; so
/// unpacking it costs memory in proportion to its bytes.
struct Scan {
  static let maximumFields = 32

  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  static func check(_ bytes: UnsafeRawBufferPointer, as rule: MessageRule) throws(WireError) {
    var scan = Scan(bytes: bytes)
    try scan.message(rule, end: bytes.count)
  }

  private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  private mutating func message(_ rule: MessageRule, end: Int) throws(WireError) {
    var counts = InlineArray<32, UInt32>(repeating: 0)
    var bodies = 0
    while position < end {
      let start = position
      let tag = try varint(rule, end: end)
      guard tag <= UInt64(UInt32.max) else { throw fault(.overflow, rule, at: start) }
      let number = UInt32(tag >> 3)
      guard let index = rule.fields.firstIndex(where: { $0.number == number }) else {
        throw .unknownField(place: rule.name, number: number)
      }
      let field = rule.fields[index]
      guard UInt8(tag & 7) == field.kind.wireType else {
        throw fault(.wireType(UInt8(tag & 7)), rule, at: start)
      }
      counts[index] += 1
      guard Int(counts[index]) <= field.limit else {
        throw .tooMany(field: "\(rule.name).\(field.name)", limit: field.limit)
      }
      if let body = rule.body, body.contains(number) {
        bodies += 1
        guard bodies == 1 else { throw .tooMany(field: "\(rule.name).body", limit: 1) }
      }
      try value(of: field, in: rule, end: end)
    }
    if rule.body != nil, bodies == 0 { throw .missing(field: "\(rule.name).body") }
  }

  private mutating func value(of field: FieldRule, in rule: MessageRule, end: Int)
    throws(WireError)
  {
    let start = position
    switch field.kind {
    case .uint32:
      guard try varint(rule, end: end) <= UInt64(UInt32.max) else {
        throw fault(.overflow, rule, at: start)
      }
    case .uint64:
      _ = try varint(rule, end: end)
    case .fixed32:
      try skip(4, rule, end: end)
    case .fixed64:
      try skip(8, rule, end: end)
    case .bytes(let limit):
      try length(limit, field, rule, end: end)
    case .text(let limit):
      let count = try length(limit, field, rule, end: end)
      if bytes[position - count..<position].contains(0) {
        throw fault(.zeroInText, rule, at: start)
      }
    case .digest:
      let count = try length(Int.max, field, rule, end: end)
      guard count == 32 else { throw fault(.digest(bytes: count), rule, at: start) }
    case .packedFixed32(let limit):
      let count = try length(Int.max, field, rule, end: end)
      guard count.isMultiple(of: 4) else { throw fault(.truncated, rule, at: start) }
      guard count / 4 <= limit else {
        throw .tooMany(field: "\(rule.name).\(field.name)", limit: limit)
      }
    case .packedUInt64(let limit):
      let count = try length(Int.max, field, rule, end: end)
      let last = position
      position -= count
      var values = 0
      while position < last {
        _ = try varint(rule, end: last)
        values += 1
        guard values <= limit else {
          throw .tooMany(field: "\(rule.name).\(field.name)", limit: limit)
        }
      }
    case .message(let inner):
      let count = try length(Int.max, field, rule, end: end)
      let last = position
      position -= count
      try message(inner, end: last)
    }
  }

  /// Reads a length and steps over as many bytes.
  @discardableResult
  private mutating func length(_ limit: Int, _ field: FieldRule, _ rule: MessageRule, end: Int)
    throws(WireError) -> Int
  {
    let start = position
    let length = try varint(rule, end: end)
    guard length <= UInt64(end - position) else { throw fault(.truncated, rule, at: start) }
    guard length <= UInt64(limit) else {
      throw .tooLong(field: "\(rule.name).\(field.name)", bytes: Int(length), limit: limit)
    }
    position += Int(length)
    return Int(length)
  }

  private mutating func skip(_ count: Int, _ rule: MessageRule, end: Int) throws(WireError) {
    guard count <= end - position else { throw fault(.truncated, rule, at: position) }
    position += count
  }

  /// Seven bits a byte, the lowest first; the top bit says that another byte follows.
  private mutating func varint(_ rule: MessageRule, end: Int) throws(WireError) -> UInt64 {
    let start = position
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < end {
      let byte = bytes[position]
      position += 1
      guard shift < 63 || byte <= 1 else { throw fault(.overflow, rule, at: start) }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 {
        guard byte != 0 || shift == 0 else { throw fault(.overlong, rule, at: start) }
        return value
      }
      shift += 7
    }
    throw fault(.truncated, rule, at: start)
  }

  private func fault(_ fault: WireFault, _ rule: MessageRule, at offset: Int) -> WireError {
    .malformed(place: rule.name, offset: offset, fault: fault)
  }
}
