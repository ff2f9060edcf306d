/// Who may join: one `ROLE NAME PUBLIC-KEY` a line, perhaps with the `expires=TIME` from which on it may not;
/// deleting a line shuts its owner out.
package struct AllowedKeys: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package var role: KeyFile.Role
    package var name: String
    package var key: PublicKey
    /// From when on it is good for nothing, by the learner's clock; nil for a key without an end.
    package var expires: WallTime?

    package init(role: KeyFile.Role, name: String, key: PublicKey, expires: WallTime? = nil) {
      self.role = role
      self.name = name
      self.key = key
      self.expires = expires
    }

    package func isExpired(at now: WallTime) -> Bool { expires.map { $0 <= now } ?? false }

    package var line: String {
      let end = expires.map { " \(AllowedKeys.endMark)\($0)" } ?? ""
      return "\(role.rawValue) \(name) \(key)\(end)\n"
    }
  }

  private static let endMark = "expires="

  package static let byteLimit = 1 << 20

  package private(set) var entries: [PublicKey: Entry] = [:]

  package init(_ entries: [Entry] = []) {
    for entry in entries { self.entries[entry.key] = entry }
  }

  /// - Parameter path: what errors call the list.
  package init(text: [UInt8], path: String) throws(KeyError) {
    func damaged(_ what: String) -> KeyError { .damaged(path: path, what: what) }
    guard text.count <= Self.byteLimit else {
      throw damaged("it has more than the \(Self.byteLimit) bytes allowed")
    }
    guard let text = String(validating: text, as: UTF8.self) else {
      throw damaged("it is not text")
    }
    var names: Set<Substring> = []
    var number = 0
    // One line after the other: a list of them would be larger than the text.
    var rest: Substring? = text[...]
    while let text = rest {
      number += 1
      let end = text.firstIndex(where: \.isNewline)
      let line = text[..<(end ?? text.endIndex)]
      rest = end.map { text[text.index(after: $0)...] }
      let words = line.split(whereSeparator: \.isWhitespace)
      if words.isEmpty || line.hasPrefix("#") { continue }
      func wrong(_ what: String) -> KeyError { damaged("line \(number) \(what)") }
      guard words.count == 3 || words.count == 4 else {
        throw wrong("is not ROLE NAME PUBLIC-KEY, nor that and expires=TIME")
      }
      // A learner is not let in anywhere: it is who lets in.
      guard let role = KeyFile.Role(rawValue: String(words[0])), role != .learner else {
        throw wrong("has another role than actor or relay")
      }
      guard KeyFile.isName(words[1]) else { throw wrong("has no valid name") }
      guard let key = PublicKey(words[2]) else {
        throw wrong("has a key that is not 64 hexadecimal digits")
      }
      var expires: WallTime?
      if words.count == 4 {
        expires =
          words[3].hasPrefix(Self.endMark) ? WallTime(words[3].dropFirst(Self.endMark.count)) : nil
        guard expires != nil else {
          throw wrong("has no end like expires=2026-12-24T18:00:00Z behind its key")
        }
      }
      guard names.insert(words[1]).inserted else {
        throw wrong("has a name that is there twice")
      }
      guard entries[key] == nil else { throw wrong("has a key that is there twice") }
      entries[key] = Entry(role: role, name: String(words[1]), key: key, expires: expires)
    }
  }

  package init(reading path: String) throws(KeyError) {
    try self.init(text: SmallFile.read(path, limit: Self.byteLimit, isSecret: false), path: path)
  }

  /// The bytes of the list at `path` with one more line; what people wrote in it stays.
  package static func text(of path: String, adding entry: Entry) throws(KeyError) -> [UInt8] {
    var bytes: [UInt8] = []
    do throws(KeyError) {
      bytes = try SmallFile.read(path, limit: byteLimit, isSecret: false)
    } catch {
      guard case .missing = error else { throw error }
      bytes = Array(
        "# Who may join, one ROLE NAME PUBLIC-KEY a line; delete a line to revoke its key.\n".utf8)
    }
    if let last = bytes.last, last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
    bytes += Array(entry.line.utf8)
    _ = try AllowedKeys(text: bytes, path: path)
    return bytes
  }

  /// The bytes of the list at `path` without the line of this name; what else people wrote in it stays.
  ///
  /// - Returns: nil where no line has the name.
  package static func text(of path: String, removing name: String) throws(KeyError) -> [UInt8]? {
    let bytes = try SmallFile.read(path, limit: byteLimit, isSecret: false)
    _ = try AllowedKeys(text: bytes, path: path)
    let text = String(decoding: bytes, as: UTF8.self)
    var (kept, rest) = ("", text[...])
    while !rest.isEmpty {
      let end = rest.firstIndex(where: \.isNewline).map { rest.index(after: $0) } ?? rest.endIndex
      let line = rest[..<end]
      rest = rest[end...]
      let words = line.split(whereSeparator: \.isWhitespace)
      if words.count < 3 || line.hasPrefix("#") || words[1] != name {
        kept.append(contentsOf: line)
      }
    }
    return kept == text ? nil : Array(kept.utf8)
  }
}
