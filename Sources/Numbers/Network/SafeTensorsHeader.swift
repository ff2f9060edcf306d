/// The JSON header of a safetensors file, read as it stands: an object of tensors and of metadata,
/// and nothing else that JSON could hold, so memory stays near the header's own size.
struct SafeTensorsHeader {
  struct Tensor {
    var name = ""
    var shape: [Int] = []
    /// Of its bytes, from the end of the header.
    var start = 0
    var end = 0
  }

  private(set) var tensors: [Tensor] = []
  private(set) var metadata: [String: String] = [:]

  /// Of one tensor.
  static let rankLimit = 8

  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>) throws(SafeTensorsError) {
    self.bytes = bytes
    position = bytes.startIndex
    var names: Set<String> = []
    try object { (header, name) throws(SafeTensorsError) in
      guard names.insert(name).inserted else {
        throw .malformed("it has two tensors \(Self.quoted(name))")
      }
      if name == "__metadata__" {
        try header.object { (header, key) throws(SafeTensorsError) in
          let value = try header.string()
          guard header.metadata.updateValue(value, forKey: key) == nil else {
            throw .malformed("its metadata has \(Self.quoted(key)) twice")
          }
        }
      } else {
        try header.tensor(name)
      }
    }
    skipSpace()
    guard position == bytes.endIndex else { throw notObject }
  }

  /// Every byte of the data belongs to one tensor, which is known before one of them is copied.
  func check(dataBytes: Int) throws(SafeTensorsError) {
    var end = 0
    for tensor in tensors.sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) {
      var count = 1
      for side in tensor.shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: side)
        guard !overflow, product <= dataBytes + bytes.count + 8 else {
          throw .malformed(
            "tensor \(Self.quoted(tensor.name)) has the impossible shape \(tensor.shape)")
        }
        count = product
      }
      guard tensor.end >= tensor.start, tensor.end <= dataBytes,
        tensor.end - tensor.start == count * 4
      else {
        throw .malformed(
          "tensor \(Self.quoted(tensor.name)) claims bytes"
            + " \([tensor.start, tensor.end]) for \(count) values")
      }
      guard tensor.start == end else {
        throw .malformed("its tensors overlap or leave bytes out at \(min(tensor.start, end))")
      }
      end = tensor.end
    }
    guard end == dataBytes else {
      throw .malformed("its tensors end at \(end), its data has \(dataBytes) bytes")
    }
  }

  private mutating func tensor(_ name: String) throws(SafeTensorsError) {
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    var fields = 0
    try object { (header, field) throws(SafeTensorsError) in
      fields += 1
      switch field {
      case "dtype": type = try header.string()
      case "shape": shape = try header.numbers(name)
      case "data_offsets": offsets = try header.numbers(name)
      default: throw .malformed("tensor \(Self.quoted(name)) has a field \(Self.quoted(field))")
      }
    }
    guard let type, let shape, let offsets, offsets.count == 2, fields == 3 else {
      throw .malformed("tensor \(Self.quoted(name)) lacks dtype, shape or data_offsets")
    }
    guard type == "F32" else {
      throw .malformed("tensor \(Self.quoted(name)) is \(Self.quoted(type)), only F32 is read")
    }
    tensors.append(Tensor(name: name, shape: shape, start: offsets[0], end: offsets[1]))
  }

  // MARK: JSON

  private var notObject: SafeTensorsError {
    .malformed(
      "its header is no JSON object of tensors at byte \(position - bytes.startIndex)")
  }

  /// The beginning of a name, for a sentence.
  static func quoted(_ text: String) -> String {
    text.unicodeScalars.count > 100 ? "\(String(text.unicodeScalars.prefix(100)))…" : text
  }

  private mutating func skipSpace() {
    while position < bytes.endIndex, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) {
      position += 1
    }
  }

  /// Steps over the character if it comes next.
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.endIndex, bytes[position] == UInt8(ascii: character) else {
      return false
    }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(SafeTensorsError) {
    guard take(character) else { throw notObject }
  }

  private mutating func object(
    _ value: (inout Self, String) throws(SafeTensorsError) -> Void
  ) throws(SafeTensorsError) {
    try expect("{")
    if take("}") { return }
    repeat {
      let name = try string()
      try expect(":")
      try value(&self, name)
    } while take(",")
    try expect("}")
  }

  /// Whole numbers, not below zero.
  private mutating func numbers(_ name: String) throws(SafeTensorsError) -> [Int] {
    var numbers: [Int] = []
    try expect("[")
    if take("]") { return [] }
    repeat {
      skipSpace()
      let digits = bytes[position...].prefix { (0x30...0x39).contains($0) }
      guard let number = Int(String(decoding: digits, as: UTF8.self)),
        digits.count == 1 || digits.first != UInt8(ascii: "0"), numbers.count < Self.rankLimit
      else {
        throw .malformed(
          "tensor \(Self.quoted(name)) has other than up to \(Self.rankLimit) whole numbers as shape"
            + " or data_offsets")
      }
      numbers.append(number)
      position = digits.endIndex
    } while take(",")
    try expect("]")
    return numbers
  }

  private mutating func string() throws(SafeTensorsError) -> String {
    try expect("\"")
    var text: [UInt8] = []
    while true {
      guard position < bytes.endIndex, bytes[position] >= 0x20 else { throw notObject }
      let byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: "\"") { break }
      if byte == UInt8(ascii: "\\") {
        text += try escaped()
      } else {
        text.append(byte)
      }
    }
    guard let string = String(validating: text, as: UTF8.self) else { throw notObject }
    return string
  }

  /// The character behind a backslash, in UTF-8.
  private mutating func escaped() throws(SafeTensorsError) -> [UInt8] {
    guard position < bytes.endIndex else { throw notObject }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0c]
    case UInt8(ascii: "n"): return [0x0a]
    case UInt8(ascii: "r"): return [0x0d]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): break
    default: throw notObject
    }
    var units = [try codeUnit()]
    if UTF16.isLeadSurrogate(units[0]) {
      guard bytes[position...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) else {
        throw notObject
      }
      position += 2
      units.append(try codeUnit())
    }
    guard let text = String(validating: units, as: UTF16.self) else { throw notObject }
    return Array(text.utf8)
  }

  /// Four hexadecimal digits.
  private mutating func codeUnit() throws(SafeTensorsError) -> UInt16 {
    let digits = bytes[position...].prefix(4)
    guard digits.count == 4,
      digits.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw notObject }
    position = digits.endIndex
    return unit
  }
}
