/// What a message may contain: the table that the scan checks bytes against.
struct MessageRule: Sendable {
  let name: String
  let fields: [FieldRule]
  /// Fields with these numbers exclude each other: one of them must be there.
  let body: ClosedRange<UInt32>?

  init(_ name: String, body: ClosedRange<UInt32>? = nil, _ fields: [FieldRule]) {
    precondition(fields.count <= Scan.maximumFields, "the scan counts fields in a fixed array")
    self.name = name
    self.body = body
    self.fields = fields
  }
}

/// One field of a message.
struct FieldRule: Sendable {
  let number: UInt32
  let name: String
  let kind: FieldKind
  /// How often it may stand there.
  let limit: Int

  init(_ number: UInt32, _ name: String, _ kind: FieldKind, limit: Int = 1) {
    self.number = number
    self.name = name
    self.kind = kind
    self.limit = limit
  }
}

/// How a field is encoded, and how long it may be.
indirect enum FieldKind: Sendable {
  case uint32
  case uint64
  case fixed32
  case fixed64
  case text(Int)
  case bytes(Int)
  case digest
  /// Packed; the limit counts values.
  case packedUInt64(Int)
  case packedFixed32(Int)
  case message(MessageRule)

  var wireType: UInt8 {
    switch self {
    case .uint32, .uint64: 0
    case .fixed64: 1
    case .text, .bytes, .digest, .packedUInt64, .packedFixed32, .message: 2
    case .fixed32: 5
    }
  }
}
