import CCurl

/// An address of a server, `http://HOST:PORT/PATH?QUERY` or https, taken apart and checked.
///
/// Its description hides what must not be written down: a user's name and password, and the values of
/// query parameters that look like secrets.
package struct HTTPAddress: Hashable, Sendable, CustomStringConvertible {
  /// `http` or `https`.
  package let scheme: String
  /// A name, an IPv4 address, or an IPv6 address in brackets.
  package let host: String
  package let port: Int?
  /// Begins with `/`.
  package private(set) var path: String
  package private(set) var query: String?
  /// `user` or `user:password`, as it was written.
  private let credentials: String?

  /// Whether a text begins as an address does, right or wrong.
  package static func isMeant(by text: String) -> Bool {
    let start = text.prefix(8).lowercased()
    return start.hasPrefix("http://") || start.hasPrefix("https://")
  }

  package init(_ text: String) throws(HTTPAddressError) {
    guard Self.isMeant(by: text) else {
      throw HTTPAddressError(text, "it does not begin with http:// or https://")
    }
    // libcurl takes a third slash for a slip.
    if text.lowercased().hasPrefix("http:///") || text.lowercased().hasPrefix("https:///") {
      throw HTTPAddressError(text, "it names no host")
    }
    guard let url = curl_url() else { throw HTTPAddressError(text, "there is no memory for it") }
    defer { curl_url_cleanup(url) }
    let verdict = curl_url_set(url, CURLUPART_URL, text, 0)
    switch verdict {
    case CURLUE_OK: break
    case CURLUE_NO_HOST: throw HTTPAddressError(text, "it names no host")
    case CURLUE_BAD_PORT_NUMBER: throw HTTPAddressError(text, "a port is a number from 1 to 65535")
    default:
      let reason = curl_url_strerror(verdict).map { String(cString: $0) } ?? "it cannot be read"
      throw HTTPAddressError(text, reason)
    }
    func part(_ part: CURLUPart) -> String? {
      var value: UnsafeMutablePointer<CChar>?
      guard curl_url_get(url, part, &value, 0) == CURLUE_OK, let value else { return nil }
      defer { curl_free(value) }
      return String(cString: value)
    }
    guard let scheme = part(CURLUPART_SCHEME)?.lowercased(), let name = part(CURLUPART_HOST),
      !name.isEmpty
    else { throw HTTPAddressError(text, "it names no host") }
    self.scheme = scheme
    if name.hasSuffix("]"), let zone = part(CURLUPART_ZONEID) {
      host = "\(name.dropLast())%25\(zone)]"
    } else {
      host = name
    }
    port = part(CURLUPART_PORT).flatMap { Int($0) }
    if port == 0 { throw HTTPAddressError(text, "a port is a number from 1 to 65535") }
    path = part(CURLUPART_PATH) ?? "/"
    query = part(CURLUPART_QUERY)
    let user = part(CURLUPART_USER)
    let password = part(CURLUPART_PASSWORD)
    credentials =
      user == nil && password == nil ? nil : (user ?? "") + (password.map { ":\($0)" } ?? "")
  }

  // MARK: Other addresses

  /// The address of a resource of this server: its name goes behind the path and before a query, unless
  /// the path ends in it.
  package func appending(_ name: String) -> HTTPAddress {
    var address = self
    if path.hasSuffix("/\(name)") || path.hasSuffix("/\(name)/") { return address }
    address.path = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
    return address
  }

  /// The address with another last part of its path, where that is `name`; else with `other` behind it.
  package func replacing(_ name: String, by other: String) -> HTTPAddress {
    var address = self
    for ending in ["/\(name)", "/\(name)/"] where path.hasSuffix(ending) {
      address.path = String(path.dropLast(ending.count)) + "/\(other)"
      return address
    }
    return appending(other)
  }

  /// The address with one more query parameter.
  func adding(parameter name: String, value: String) -> HTTPAddress {
    var address = self
    let pair = "\(Self.encoded(name))=\(Self.encoded(value))"
    address.query = query.map { $0.isEmpty ? pair : "\($0)&\(pair)" } ?? pair
    return address
  }

  /// Letters, digits and `-._~` as they are, all else as `%XX`.
  package static func encoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF")
    return text.utf8.map { byte in
      let isPlain =
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-._~".utf8.contains(byte)
      return isPlain
        ? "\(UnicodeScalar(byte))" : "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
    }.joined()
  }

  // MARK: What it says

  /// The whole address, secrets and all: for the connection, never for people.
  var whole: String { text(credentials.map { "\($0)@" } ?? "", query) }

  package var description: String {
    text(credentials == nil ? "" : "…@", query.map(Self.masked(query:)))
  }

  private func text(_ user: String, _ query: String?) -> String {
    "\(scheme)://\(user)\(host)\(port.map { ":\($0)" } ?? "")\(path)\(query.map { "?\($0)" } ?? "")"
  }

  /// The host without brackets.
  package var bareHost: String {
    host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
  }

  /// Whether it is this machine, whatever a proxy would say.
  package var isLoopback: Bool {
    let name = bareHost.lowercased()
    let isNumeric = name.allSatisfy { $0.isNumber || $0 == "." }
    return name == "localhost" || name.hasSuffix(".localhost")
      || isNumeric && name.hasPrefix("127.")
      || ["::1", "0.0.0.0", "::"].contains(name) || name.hasPrefix("::ffff:127.")
  }

  // MARK: Secrets

  package enum Secret: Hashable, Sendable {
    /// A user's name or password before the host.
    case credentials
    /// The value of this query parameter.
    case parameter(String)
  }

  /// What in the address should not be written down, if anything.
  package var secret: Secret? {
    if credentials != nil { return .credentials }
    let pairs = query.map(Self.pairs) ?? []
    return pairs.first { Self.isSecret($0.name, $0.value) }.map { .parameter($0.name) }
  }

  /// A text that may be an address, without what must not be written down.
  package static func masked(address text: String) -> String {
    (try? HTTPAddress(text)).map { "\($0)" } ?? masked(unreadable: text)
  }

  /// The same for a text that cannot be taken apart.
  fileprivate static func masked(unreadable text: String) -> String {
    guard isMeant(by: text), let colon = text.firstIndex(of: ":") else { return text }
    let start = text.index(colon, offsetBy: 3)
    var rest = text[start...]
    var user = ""
    // A password may have any sign in it.
    if let at = rest.lastIndex(of: "@") {
      user = "…@"
      rest = rest[rest.index(after: at)...]
    }
    let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let query = parts.count == 2 ? "?" + masked(query: String(parts[1])) : ""
    return "\(text[..<start])\(user)\(parts[0])\(query)"
  }

  private static func pairs(_ query: String) -> [(name: String, value: String)] {
    query.split(separator: "&").map { pair in
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (String(sides[0]), sides.count == 2 ? String(sides[1]) : "")
    }
  }

  private static func masked(query: String) -> String {
    pairs(query).map { pair in
      pair.value.isEmpty
        ? pair.name : "\(pair.name)=\(isSecret(pair.name, pair.value) ? "…" : pair.value)"
    }.joined(separator: "&")
  }

  private static let secretWords: Set<Substring> = [
    "token", "key", "apikey", "secret", "password", "passwd", "passphrase", "pwd", "pass", "auth",
    "authorization", "sig", "signature", "credential", "credentials", "jwt", "session", "bearer",
  ]
  private static let secretBeginnings = ["sk-", "hf_", "ghp_", "gho_", "xox", "AKIA", "eyJ"]

  /// Whether a query parameter looks like one that should not be seen: by its name, or by a value of
  /// letters and digits too long to be a word.
  private static func isSecret(_ name: String, _ value: String) -> Bool {
    if value.isEmpty { return false }
    let name = name.lowercased()
    let words = name.split { !($0.isLetter || $0.isNumber) }
    let isNamed =
      words.contains { secretWords.contains($0) }
      || ["token", "secret", "password", "apikey", "accesskey"].contains { name.hasSuffix($0) }
    let isRandom =
      value.count >= 24 && value.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
      && value.contains(where: \.isNumber) && value.contains(where: \.isLetter)
    return isNamed || isRandom || secretBeginnings.contains { value.hasPrefix($0) }
  }
}

/// Why a text is no address; what it quotes has no secrets.
package struct HTTPAddressError: Error, Hashable, CustomStringConvertible {
  package let description: String

  init(_ text: String, _ reason: String) {
    let sentence = reason.prefix(1).lowercased() + reason.dropFirst()
    description = "\(HTTPAddress.masked(unreadable: text)) is no address: \(sentence)"
  }
}
