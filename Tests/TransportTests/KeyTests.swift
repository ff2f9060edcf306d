import Glibc
import TestSupport
import Testing
import Transport

/// Keys come from files that people copy, edit and lose.
struct KeyTests {
  let scratch = Scratch()
  let learner = KeyPair()

  private func actorFile() -> KeyFile {
    KeyFile(role: .actor, name: "desk-1", key: KeyPair(), learner: learner.publicKey)
  }

  @Test func `keys differ, and a description says the public half alone`() {
    let pair = KeyPair()
    #expect(pair != learner)
    #expect(pair.description == pair.publicKey.description)
    #expect(PublicKey(pair.publicKey.description) == pair.publicKey)
    let secret = actorFile().text.split(separator: "\n").first { $0.hasPrefix("secret ") }
    #expect(secret != nil)
  }

  @Test(arguments: [
    "", "00", String(repeating: "0", count: 63), String(repeating: "0", count: 65),
    String(repeating: "G", count: 64), String(repeating: "A", count: 64),
    String(repeating: "é", count: 32), "-" + String(repeating: "0", count: 63),
  ]) func `no public key`(text: String) { #expect(PublicKey(text) == nil) }

  @Test func `a file comes back as it was and is its owner's alone`() throws {
    let (path, file) = (scratch.file("desk-1.key"), actorFile())
    try file.write(to: path)
    #expect(try KeyFile(reading: path, as: .actor) == file)
    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
  }

  @Test func `a file that others may read is refused`() throws {
    let path = scratch.file("desk-1.key")
    try actorFile().write(to: path)
    for mode: mode_t in [0o640, 0o604, 0o620, 0o666] {
      #expect(chmod(path, mode) == 0)
      #expect(throws: KeyError.exposed(path: path, mode: String(mode, radix: 8))) {
        _ = try KeyFile(reading: path, as: .actor)
      }
    }
    // Whoever writes it again closes it again.
    try actorFile().write(to: path)
    _ = try KeyFile(reading: path, as: .actor)
  }

  @Test func `a key is good for its role alone`() throws {
    let path = scratch.file("learner.key")
    try KeyFile(role: .learner, name: "learner", key: learner).write(to: path)
    #expect(throws: KeyError.role(path: path, found: .learner, wanted: .actor)) {
      _ = try KeyFile(reading: path, as: .actor)
    }
  }

  @Test func `what is no plain file is not waited for`() throws {
    let pipe = scratch.file("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    for path in [pipe, scratch.path, "/dev/zero"] {
      #expect(throws: KeyError.damaged(path: path, what: "it is not a plain file")) {
        _ = try KeyFile(reading: path, as: .actor)
      }
    }
    let missing = scratch.file("missing")
    #expect(throws: KeyError.missing(path: missing)) {
      _ = try KeyFile(reading: missing, as: .actor)
    }
  }

  /// Every cut, and every line that is doubled, gone or another's.
  @Test func `damaged files are refused`() throws {
    let whole = Array(actorFile().text.utf8)
    _ = try KeyFile(text: whole, path: "x")
    for length in 0..<whole.count - 1 {
      #expect(throws: KeyError.self, "\(length) bytes") {
        _ = try KeyFile(text: Array(whole[..<length]), path: "x")
      }
    }
    let lines = actorFile().text.split(separator: "\n").map(String.init)
    let fields = lines.indices.filter { !lines[$0].hasPrefix("#") }
    for index in fields {
      var fewer = lines
      fewer.remove(at: index)
      for broken in [
        fewer, lines + [lines[index]], lines.enumerated().map { $0 == index ? $1 + " x" : $1 },
      ] {
        #expect(throws: KeyError.self, "\(broken)") {
          _ = try KeyFile(text: Array(broken.joined(separator: "\n").utf8), path: "x")
        }
      }
    }
    let other = KeyPair()
    let swapped = lines.map { $0.hasPrefix("public ") ? "public \(other.publicKey)" : $0 }
    #expect(
      throws: KeyError.damaged(path: "x", what: "its public key does not belong to its secret")
    ) {
      _ = try KeyFile(text: Array(swapped.joined(separator: "\n").utf8), path: "x")
    }
    for hostile in [
      [UInt8](repeating: 0, count: 100), [0xff, 0xfe], Array("role root\n".utf8),
      whole + [UInt8](repeating: 35, count: KeyFile.byteLimit),
      Array(
        lines.map { $0.hasPrefix("name ") ? "name ../../etc" : $0 }.joined(separator: "\n").utf8),
      Array(
        lines.map { $0.hasPrefix("name ") ? "name \u{1b}[2J" : $0 }.joined(separator: "\n").utf8),
    ] {
      #expect(throws: KeyError.self) { _ = try KeyFile(text: hostile, path: "x") }
    }
  }

  @Test(arguments: [
    "", ".", "..", ".hidden", "-x", "a/b", "a b", "ä", "a\n", String(repeating: "a", count: 65),
  ])
  func `no name of a key`(name: String) { #expect(!KeyFile.isName(name)) }

  @Test func `errors quote no bytes of a damaged file`() throws {
    let secret = String(repeating: "7", count: 40)
    do {
      _ = try KeyFile(text: Array("secret \(secret)\u{1b}[31m\nrole actor\nname a".utf8), path: "x")
      Issue.record("it was accepted")
    } catch {
      #expect(!"\(error)".contains(secret) && !"\(error)".contains("\u{1b}"))
    }
  }
}

/// The list of who may join is edited by hand.
struct AllowedKeysTests {
  let a = KeyPair().publicKey
  let b = KeyPair().publicKey

  private func list(_ text: String) throws(KeyError) -> AllowedKeys {
    try AllowedKeys(text: Array(text.utf8), path: "allowed")
  }

  @Test func `lines, comments and white space`() throws {
    let read = try list("# who\n\nactor desk \(a)\r\n  actor\tnode.3   \(b)  ")
    #expect(read.entries[a]?.name == "desk")
    #expect(read.entries[b]?.name == "node.3")
    #expect(read.entries.count == 2)
    #expect(try list("").entries.isEmpty)
  }

  @Test func `a wrong line is named`() {
    for (line, what) in [
      ("actor desk", "is not ROLE NAME PUBLIC-KEY"),
      ("actor desk \(a) x", "is not ROLE NAME PUBLIC-KEY"),
      ("learner desk \(a)", "has another role than actor"),
      ("root desk \(a)", "has another role than actor"),
      ("actor ../x \(a)", "has no valid name"),
      ("actor desk \(String("\(a)".dropLast()))", "has a key that is not 64 hexadecimal digits"),
      ("actor node \(b)", "has a name that is there twice"),
      ("actor desk \(b)", "has a key that is there twice"),
    ] {
      #expect(throws: KeyError.damaged(path: "allowed", what: "line 2 \(what)")) {
        _ = try list("actor node \(b)\n\(line)")
      }
    }
    #expect(throws: KeyError.self) { _ = try AllowedKeys(text: [0xff], path: "allowed") }
    #expect(throws: KeyError.self) {
      _ = try list(String(repeating: "#\n", count: AllowedKeys.byteLimit / 2 + 1))
    }
  }

  @Test func `adding keeps what people wrote`() throws {
    let scratch = Scratch()
    let path = scratch.file("allowed")
    let entry = AllowedKeys.Entry(role: .actor, name: "desk", key: a)
    let fresh = try AllowedKeys.text(of: path, adding: entry)
    #expect(try AllowedKeys(text: fresh, path: path).entries == [a: entry])
    RawFile.write(Array("# mine\nactor node \(b)".utf8), path)
    let longer = try AllowedKeys.text(of: path, adding: entry)
    #expect(String(decoding: longer, as: UTF8.self) == "# mine\nactor node \(b)\nactor desk \(a)\n")
    RawFile.write(longer, path)
    #expect(throws: KeyError.self) { _ = try AllowedKeys.text(of: path, adding: entry) }
  }
}
