/// Who may join: one `ROLE NAME PUBLIC-KEY` a line; deleting a line shuts its owner out.
package struct AllowedKeys: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package var role: KeyFile.Role
    package var name: String
    package var key: PublicKey

    package init(role: KeyFile.Role, name: String, key: PublicKey) {
      self.role = role
      self.name = name
      self.key = key
    }

    var line: String { "\(role.rawValue) \(name) \(key)\n" }
  }

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
      guard words.count == 3 else { throw wrong("is not ROLE NAME PUBLIC-KEY") }
      // A learner is not let in anywhere: it is who lets in.
      guard words[0] == KeyFile.Role.actor.rawValue else {
        throw wrong("has another role than actor")
      }
      guard KeyFile.isName(words[1]) else { throw wrong("has no valid name") }
      guard let key = PublicKey(words[2]) else {
        throw wrong("has a key that is not 64 hexadecimal digits")
      }
      guard names.insert(words[1]).inserted else {
        throw wrong("has a name that is there twice")
      }
      guard entries[key] == nil else { throw wrong("has a key that is there twice") }
      entries[key] = Entry(role: .actor, name: String(words[1]), key: key)
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
}
