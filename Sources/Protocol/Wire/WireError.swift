package import Records

/// Why bytes are not a message, a trajectory or a record.
///
/// `field` and `place` name what is wrong as the .proto files do, such as `lease.params_hash`.
package enum WireError: Error, Equatable, CustomStringConvertible {
  case tooLarge(place: String, bytes: Int, limit: Int)
  /// The message does not begin with our magic number.
  case foreign
  /// The peer speaks another major version.
  case protocolVersion(major: UInt32)
  /// At a byte counted from the start of the bytes.
  case malformed(place: String, offset: Int, fault: WireFault)
  case unknownField(place: String, number: UInt32)
  /// A field stands there more often than allowed, or two fields of which one is allowed.
  case tooMany(field: String, limit: Int)
  case tooLong(field: String, bytes: Int, limit: Int)
  case missing(field: String)
  case notText(field: String)
  case notFinite(place: String)
  /// A list has another length than it must have.
  case count(place: String, found: Int, of: String, expected: Int)
  case outOfRange(place: String, value: UInt64, allowed: String)
  /// Outcomes are not recorded as the run records them.
  case outcomeRecord(place: String, found: OutcomeRecord, expected: OutcomeRecord)
  /// The bytes unpack to more than their budget of memory.
  case memory(place: String, budget: Int)
  /// protobuf-c refused what the checks before it let through.
  case refused(place: String)

  package var description: String {
    switch self {
    case .tooLarge(let place, let bytes, let limit):
      "\(place): \(bytes) bytes, at most \(limit) are allowed"
    case .foreign:
      "envelope: it does not begin with 0x54524942; the peer is no tributary"
    case .protocolVersion(let major):
      "envelope: protocol version \(major), \(Envelope.protocolMajor) expected; run the same "
        + "release on both sides"
    case .malformed(let place, let offset, let fault):
      "\(place): at byte \(offset), \(fault)"
    case .unknownField(let place, let number):
      "\(place): there is no field \(number)"
    case .tooMany(let field, let limit):
      "\(field): more than the allowed \(limit)"
    case .tooLong(let field, let bytes, let limit):
      "\(field): \(bytes) bytes, at most \(limit) are allowed"
    case .missing(let field):
      "\(field): it is missing"
    case .notText(let field):
      "\(field): it is not UTF-8"
    case .notFinite(let place):
      "\(place): a number is infinite or not a number"
    case .count(let place, let found, let what, let expected):
      "\(place) has \(found) \(what), \(expected) expected"
    case .outOfRange(let place, let value, let allowed):
      "\(place): \(value) is not allowed; it must be \(allowed)"
    case .outcomeRecord(let place, let found, let expected):
      "\(place) has \(found.words), and this run sends \(expected.words) alone"
        + " (journal.outcomes \(expected.rawValue))"
    case .memory(let place, let budget):
      "\(place): it unpacks to more than the \(budget) bytes allowed for it"
    case .refused(let place):
      "\(place): protobuf-c could not unpack it"
    }
  }
}

/// What can be wrong with encoded bytes.
package enum WireFault: Equatable, Sendable, CustomStringConvertible {
  /// A value goes on behind the end of what holds it.
  case truncated
  /// A number is longer than its value needs.
  case overlong
  /// A number does not fit its type.
  case overflow
  /// A field is encoded as another type than its own.
  case wireType(UInt8)
  /// A digest that does not have 32 bytes.
  case digest(bytes: Int)
  /// A text with a zero byte.
  case zeroInText

  package var description: String {
    switch self {
    case .truncated: "a value ends behind its message"
    case .overlong: "a number is not in its shortest form"
    case .overflow: "a number is too large for its field"
    case .wireType(let type): "a field has the wire type \(type) of another type"
    case .digest(let bytes): "a digest has \(bytes) bytes, 32 expected"
    case .zeroInText: "a text contains a zero byte"
    }
  }
}
