import Bytes

/// A secret key as a file: whose it is, what it may do, and for an actor or a relay the learner that it trusts.
///
/// One `field value` a line, in any order, each once; lines that begin with # are for people.
package struct KeyFile: Hashable, Sendable {
  package enum Role: String, Sendable {
    case learner
    case actor
    /// A process that passes parameters on.
    case relay
  }

  package static let byteLimit = 4_096
  package static let nameBytes = 64

  package var role: Role
  package var name: String
  package var key: KeyPair
  /// The learner's public key; a learner's own file does not have it.
  package var learner: PublicKey?
  /// The public key that the learner is to have after it.
  package var next: PublicKey?
  /// When the key ends, for whoever reads the file: what counts is the learner's list, and its clock.
  package var expires: WallTime?

  /// - Parameter learner: whom it trusts; nil for a learner.
  package init(
    role: Role, name: String, key: KeyPair, learner: PublicKey? = nil, next: PublicKey? = nil,
    expires: WallTime? = nil
  ) {
    precondition(Self.isName(name), "\(name) is no name of a key")
    self.role = role
    self.name = name
    self.key = key
    self.learner = learner
    self.next = next
    self.expires = expires
  }

  private static let fields: Set<Substring> = [
    "role", "name", "secret", "public", "learner", "next", "expires",
  ]

  /// Letters, digits, dot, dash and underscore of ASCII, the first a letter or a digit: harmless as
  /// a file name, as a word of a list and on a terminal.
  package static func isName(_ text: some StringProtocol) -> Bool {
    let bytes = Array(text.utf8)
    guard (1...nameBytes).contains(bytes.count) else { return false }
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: false
      }
    }
    return isAlphanumeric(bytes[0])
      && bytes.allSatisfy { isAlphanumeric($0) || [0x2d, 0x2e, 0x5f].contains($0) }
  }

  // MARK: Text

  /// - Parameter path: what errors call the file.
  package init(text: [UInt8], path: String) throws(KeyError) {
    func damaged(_ what: String) -> KeyError { .damaged(path: path, what: what) }
    guard text.count <= Self.byteLimit else {
      throw damaged("it has \(text.count) bytes, \(Self.byteLimit) are allowed")
    }
    guard let text = String(validating: text, as: UTF8.self) else {
      throw damaged("it is not text")
    }
    var fields: [Substring: Substring] = [:]
    for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
      let words = line.split(separator: " ")
      guard words.count == 2 else { throw damaged("a line is not a field and its value") }
      guard Self.fields.contains(words[0]) else {
        throw damaged("it has a field that no key file has")
      }
      guard fields.updateValue(words[1], forKey: words[0]) == nil else {
        throw damaged("its field \(words[0]) is there twice")
      }
    }
    guard let role = fields["role"].flatMap({ Role(rawValue: String($0)) }) else {
      throw damaged("its role is neither learner nor actor nor relay")
    }
    guard let name = fields["name"], Self.isName(name) else {
      throw damaged("it has no valid name")
    }
    guard let key = fields["secret"].flatMap({ KeyPair(secretDigits: $0) }) else {
      throw damaged("its secret is not 64 hexadecimal digits")
    }
    guard fields["public"].flatMap({ PublicKey($0) }) == key.publicKey else {
      throw damaged("its public key does not belong to its secret")
    }
    let learner = fields["learner"].flatMap { PublicKey($0) }
    let next = fields["next"].flatMap { PublicKey($0) }
    let expires = fields["expires"].flatMap { WallTime($0) }
    switch role {
    case .actor, .relay:
      guard learner != nil else { throw damaged("it does not hold its learner's public key") }
      guard next != nil || fields["next"] == nil, next != learner || next == nil else {
        throw damaged("its field next is no other public key")
      }
      guard expires != nil || fields["expires"] == nil else {
        throw damaged("its field expires is no time like 2026-12-24T18:00:00Z")
      }
    case .learner:
      guard fields.keys.allSatisfy({ !["learner", "next", "expires"].contains($0) }) else {
        throw damaged("a learner's key names a learner, or an end")
      }
    }
    self.init(
      role: role, name: String(name), key: key, learner: learner, next: next, expires: expires)
  }

  package var text: String {
    var lines = [
      "# A secret key of Tributary: anyone who has this file is \(role.rawValue) \(name).",
      "role \(role.rawValue)", "name \(name)", "public \(key.publicKey)",
      "secret \(KeyPair.digits(of: key.secret))",
    ]
    if let learner { lines.append("learner \(learner)") }
    if let next { lines.append("next \(next)") }
    if let expires { lines.append("expires \(expires)") }
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: Files

  /// Reads a key that nobody but its owner can read.
  ///
  /// - Parameter role: what the file must be for.
  package init(reading path: String, as role: Role) throws(KeyError) {
    let bytes = try SmallFile.read(path, limit: Self.byteLimit, isSecret: true)
    let file = try KeyFile(text: bytes, path: path)
    guard file.role == role else { throw .role(path: path, found: file.role, wanted: role) }
    self = file
  }

  /// Writes a file that its owner alone can read.
  package func write(to path: String) throws(KeyError) {
    do throws(FileError) {
      try AtomicFile.write(Array(text.utf8), to: path, mode: 0o600, isSecret: true)
    } catch {
      throw .file(error)
    }
  }
}
