/// JSON from elsewhere, before Foundation reads it.
package enum ForeignJSON {
  /// Nothing that is read here is nested deeper than three.
  package static let depthLimit = 32

  /// The bytes as Foundation's readers can be given them, or nil if they are nested too deep.
  ///
  /// Foundation 6.3 stops the process where its own limit, 512, is passed at the very last byte. The
  /// line end behind the text is never reached, so no position that it looks up is behind the end.
  package static func checked(_ bytes: some Collection<UInt8>) -> [UInt8]? {
    var depth = 0
    var isInText = false
    var isEscaped = false
    for byte in bytes {
      if isInText {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInText = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isInText = true
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
        if depth > depthLimit { return nil }
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      default: break
      }
    }
    return Array(bytes) + [UInt8(ascii: "\n")]
  }
}
