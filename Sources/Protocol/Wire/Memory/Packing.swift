import CWire

/// The bytes of a C message, through its generated functions.
func packed<Message>(
  _ message: UnsafeMutablePointer<Message>, _ size: (UnsafePointer<Message>?) -> Int,
  _ pack: (UnsafePointer<Message>?, UnsafeMutablePointer<UInt8>?) -> Int
) -> [UInt8] {
  let count = size(message)
  return [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
    written = pack(message, buffer.baseAddress)
  }
}

/// Scans bytes against a table, then unpacks them within the arena's budget.
///
/// - Parameter unpack: the message's generated function.
/// - Returns: the C message, good for as long as the arena.
func unpacked<Message>(
  _ bytes: [UInt8], as rule: MessageRule, in arena: Arena,
  _ unpack: (
    UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?
  ) -> UnsafeMutablePointer<Message>?
) throws(WireError) -> Message {
  try bytes.span.withUnsafeBytes { (bytes) throws(WireError) in
    try Scan.check(bytes, as: rule)
  }
  var allocator = arena.allocator
  let message = bytes.withUnsafeBufferPointer { unpack(&allocator, $0.count, $0.baseAddress) }
  guard let message else {
    throw arena.isExhausted
      ? .memory(place: rule.name, budget: arena.budget) : .refused(place: rule.name)
  }
  return message.pointee
}
