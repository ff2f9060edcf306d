/// One page as HTTP/1.0 sends it; the connection ends with it.
package struct HTTPAnswer: Equatable, Sendable {
  package enum Status: Int, Sendable, CaseIterable {
    case ok = 200
    case badRequest = 400
    case notFound = 404
    case methodNotAllowed = 405
    case headTooLarge = 431
    case unavailable = 503

    fileprivate var reason: String {
      switch self {
      case .ok: "OK"
      case .badRequest: "Bad Request"
      case .notFound: "Not Found"
      case .methodNotAllowed: "Method Not Allowed"
      case .headTooLarge: "Request Header Fields Too Large"
      case .unavailable: "Service Unavailable"
      }
    }
  }

  package static let text = "text/plain; charset=utf-8"

  package var status: Status
  package var contentType: String
  package var body: [UInt8]

  package init(_ status: Status = .ok, contentType: String = HTTPAnswer.text, body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  /// One line for people.
  package init(_ status: Status, _ line: String) {
    self.init(status, body: Array("\(line)\n".utf8))
  }

  package static func refusal(_ status: Status) -> HTTPAnswer { HTTPAnswer(status, status.reason) }

  package func encoded(withBody: Bool = true) -> [UInt8] {
    let head = """
      HTTP/1.0 \(status.rawValue) \(status.reason)\r
      Content-Type: \(contentType)\r
      Content-Length: \(body.count)\r
      Cache-Control: no-store\r
      X-Content-Type-Options: nosniff\r
      Connection: close\r
      \r

      """
    return Array(head.utf8) + (withBody ? body : [])
  }

  /// What somebody answered, read until the connection's end; nil for what is no answer or not all of it.
  package init?(decoding bytes: [UInt8]) {
    let end: [UInt8] = Array("\r\n\r\n".utf8)
    let limit = min(bytes.count, RequestHead.byteLimit)
    guard
      let place = (0..<limit).first(where: { bytes[$0...].starts(with: end) }),
      bytes[..<place].allSatisfy({ (0x20..<0x7f).contains($0) || $0 == 0x0d || $0 == 0x0a })
    else { return nil }
    let lines = String(decoding: bytes[..<place], as: UTF8.self).split(
      separator: "\r\n", omittingEmptySubsequences: false)
    let words = lines[0].split(separator: " ")
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let number = Int(words[1]),
      let status = Status(rawValue: number)
    else { return nil }
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 {
        fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
      }
    }
    let body = Array(bytes[(place + end.count)...])
    guard let length = fields["content-length"].flatMap({ Int($0) }), length == body.count else {
      return nil
    }
    self.init(status, contentType: fields["content-type"] ?? "", body: body)
  }
}
