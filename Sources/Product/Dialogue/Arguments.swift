import Glibc

/// The command line as the system gave it.
enum Arguments {
  /// The first argument, or the name of the current folder, that is not text in UTF-8, with its odd bytes
  /// spelled out; nil where all are. Swift puts other characters in the place of such bytes, and with
  /// these a path leads elsewhere.
  static func unreadable() -> String? {
    var words: [[UInt8]] = []
    for index in 0..<Int(CommandLine.argc) {
      guard let word = unsafe CommandLine.unsafeArgv[index] else { break }
      words.append(unsafe bytes(word))
    }
    if let folder = unsafe getcwd(nil, 0) {
      words.append(unsafe bytes(folder))
      unsafe free(folder)
    }
    return words.first { String(validating: $0, as: UTF8.self) == nil }.map(spelled)
  }

  private static func bytes(_ text: UnsafeMutablePointer<CChar>) -> [UInt8] {
    let count = unsafe strlen(text)
    return unsafe UnsafeBufferPointer(start: text, count: count).map { UInt8(bitPattern: $0) }
  }

  static func spelled(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
      (0x20..<0x7f).contains(byte)
        ? String(UnicodeScalar(byte)) : "\\x\(String(byte, radix: 16))"
    }.joined()
  }
}
