import CWire

/// Building C messages for packing. The memory lives as long as the arena, which has no budget here:
/// what we send is ours.
extension Arena {
  /// A message with its defaults, then filled.
  func make<Message>(
    _ initialize: (UnsafeMutablePointer<Message>?) -> Void, _ fill: (inout Message) -> Void
  ) -> UnsafeMutablePointer<Message> {
    let message = array(Message.self, count: 1)
    initialize(message)
    fill(&message.pointee)
    return message
  }

  /// Room for values that the caller initialises.
  func array<Element>(_: Element.Type, count: Int) -> UnsafeMutablePointer<Element> {
    guard let memory = allocate(count * MemoryLayout<Element>.stride) else {
      fatalError("no memory for a message")
    }
    return memory.bindMemory(to: Element.self, capacity: count)
  }

  func array<Element>(_ values: [Element]) -> UnsafeMutablePointer<Element> {
    let start = array(Element.self, count: values.count)
    _ = UnsafeMutableBufferPointer(start: start, count: values.count).initialize(from: values)
    return start
  }

  func bytes(_ bytes: [UInt8]) -> ProtobufCBinaryData {
    ProtobufCBinaryData(len: bytes.count, data: array(bytes))
  }

  /// The little-endian bytes of the lists, one after the other.
  func floats(_ lists: some Collection<[Float]>) -> ProtobufCBinaryData {
    let count = lists.reduce(0) { $0 + $1.count }
    let start = array(Float.self, count: count)
    var next = start
    for list in lists {
      list.withUnsafeBufferPointer { values in
        guard let base = values.baseAddress else { return }
        next.update(from: base, count: values.count)
      }
      next += list.count
    }
    let length = count * MemoryLayout<Float>.size
    return UnsafeMutableRawPointer(start).withMemoryRebound(to: UInt8.self, capacity: length) {
      ProtobufCBinaryData(len: length, data: $0)
    }
  }

  /// A name, an identifier or a configuration.
  ///
  /// - Precondition: at most `limit` bytes, none of them zero.
  func name(_ text: String, limit: Int = WireLimits.nameBytes) -> UnsafeMutablePointer<CChar> {
    let bytes = Array(text.utf8)
    precondition(bytes.count <= limit, "a text of \(bytes.count) bytes, \(limit) at most")
    precondition(!bytes.contains(0), "a text with a zero byte")
    return array((bytes + [0]).map(CChar.init(bitPattern:)))
  }

  /// A sentence for people: cut at a character to ``WireLimits/textBytes``, zero bytes replaced, so
  /// that no text from elsewhere can stop a message.
  func sentence(_ text: String) -> UnsafeMutablePointer<CChar> {
    var kept = String.UnicodeScalarView()
    var count = 0
    for scalar in text.unicodeScalars {
      let scalar = scalar == "\0" ? "\u{FFFD}" : scalar
      count += UTF8.width(scalar)
      if count > WireLimits.textBytes { break }
      kept.append(scalar)
    }
    return name(String(kept), limit: WireLimits.textBytes)
  }
}
