/// The head of an HTTP request as it comes in, of which the method and the path are all that is read: a value.
/// Source: RFC 9112.
package struct RequestHead: Sendable {
  package enum Outcome: Equatable, Sendable {
    /// More is to come.
    case incomplete
    /// Somebody asks for a page; `HEAD` asks for its head alone.
    case asks(path: String, wantsBody: Bool)
    case refused(HTTPAnswer.Status)
  }

  /// Of a whole head: no monitor sends more than a few hundred bytes.
  package static let byteLimit = 4_096

  private var bytes: [UInt8] = []
  private var outcome = Outcome.incomplete

  package init() {}

  /// Takes in what has come; what stands behind the head is not looked at.
  package mutating func add(_ more: some Sequence<UInt8>) -> Outcome {
    for byte in more where outcome == .incomplete {
      bytes.append(byte)
      if byte == UInt8(ascii: "\n") {
        if bytes.hasSuffix("\n\n") || bytes.hasSuffix("\r\n\r\n") { outcome = Self.read(bytes) }
      }
      if bytes.count >= Self.byteLimit, outcome == .incomplete { outcome = .refused(.headTooLarge) }
    }
    return outcome
  }

  private static func read(_ bytes: [UInt8]) -> Outcome {
    let line = bytes.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
    let isPlain = line.allSatisfy { (0x20..<0x7f).contains($0) }
    let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard isPlain, words.count == 3, words[2].starts(with: "HTTP/1.".utf8),
      words[1].first == UInt8(ascii: "/")
    else { return .refused(.badRequest) }
    let method = String(decoding: words[0], as: UTF8.self)
    guard method == "GET" || method == "HEAD" else { return .refused(.methodNotAllowed) }
    let path = words[1].prefix { $0 != UInt8(ascii: "?") }
    return .asks(path: String(decoding: path, as: UTF8.self), wantsBody: method == "GET")
  }
}

extension [UInt8] {
  fileprivate func hasSuffix(_ text: StaticString) -> Bool {
    suffix(text.utf8CodeUnitCount).elementsEqual("\(text)".utf8)
  }
}
