/// How often a YAML text uses its own anchors.
///
/// A node may be an anchor's, and hold aliases of others: ten lines can stand for more nodes than
/// memory has, and the parser visits each of them where it stands in a key.
enum AliasCount {
  /// At least as many as a parser finds; a word behind `*` counts if there is one like it behind `&`.
  static func of(_ yaml: String) -> Int {
    let bytes = Array(yaml.utf8)
    guard bytes.contains(UInt8(ascii: "&")) else { return 0 }
    var anchors: Set<ArraySlice<UInt8>> = []
    var aliases: [ArraySlice<UInt8>] = []
    for (index, byte) in bytes.enumerated() {
      guard byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*") else { continue }
      let name = bytes[(index + 1)...].prefix(while: isOfName)
      if byte == UInt8(ascii: "&") { anchors.insert(name) } else { aliases.append(name) }
    }
    return aliases.count { anchors.contains($0) && !$0.isEmpty }
  }

  /// Letters, digits, dash and underscore, as libyaml reads names.
  private static func isOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
