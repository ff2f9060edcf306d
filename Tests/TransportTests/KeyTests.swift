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

  /// As Kubernetes hands out a secret with `fsGroup`.
  @Test func `a group may read a file of root's where this process is in it`() {
    let exposure = Exposure(groups: [7, 0])
    for mode: mode_t in [0o440, 0o640] {
      #expect(!exposure.exposes(mode: mode, owner: 0, group: 7))
      #expect(exposure.exposes(mode: mode, owner: 0, group: 8), "a group of others")
      #expect(exposure.exposes(mode: mode, owner: 0, group: 0), "root's own group")
      #expect(exposure.exposes(mode: mode, owner: 1_000, group: 7), "an owner who could close it")
    }
    for mode: mode_t in [0o444, 0o460, 0o450, 0o441, 0o604, 0o644] {
      #expect(exposure.exposes(mode: mode, owner: 0, group: 7), "\(String(mode, radix: 8))")
    }
    for mode: mode_t in [0o400, 0o600, 0o700] {
      #expect(!exposure.exposes(mode: mode, owner: 1_000, group: 8))
    }
  }

  @Test func `a key file may name the learner's next key, and an end`() throws {
    var file = actorFile()
    let next = KeyPair().publicKey
    file.next = next
    file.expires = WallTime("2026-12-24T18:00:00Z")
    #expect(try KeyFile(text: Array(file.text.utf8), path: "x") == file)
    file.role = .relay
    #expect(try KeyFile(text: Array(file.text.utf8), path: "x") == file)
    for (line, wrong) in [
      ("next \(next)", "next \(learner.publicKey)"), ("next \(next)", "next 00"),
      ("expires 2026-12-24T18:00:00Z", "expires 2026-02-30T00:00:00Z"),
      ("expires 2026-12-24T18:00:00Z", "expires tomorrow"), ("role relay", "role learner"),
    ] {
      let text = file.text.replacing("\n\(line)\n", with: "\n\(wrong)\n")
      #expect(text != file.text)
      #expect(throws: KeyError.self, "\(wrong)") {
        _ = try KeyFile(text: Array(text.utf8), path: "x")
      }
    }
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
      ("actor desk", "is not ROLE NAME PUBLIC-KEY, nor that and expires=TIME"),
      ("actor desk \(a) x", "has no end like expires=2026-12-24T18:00:00Z behind its key"),
      (
        "actor desk \(a) expires=2026-13-24T18:00:00Z",
        "has no end like expires=2026-12-24T18:00:00Z behind its key"
      ),
      (
        "actor desk \(a) expires=2026-12-24T18:00:00Z x",
        "is not ROLE NAME PUBLIC-KEY, nor that and expires=TIME"
      ),
      ("learner desk \(a)", "has another role than actor or relay"),
      ("root desk \(a)", "has another role than actor or relay"),
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

  @Test func `an end and a role come back as they were`() throws {
    let end = try #require(WallTime("2026-12-24T18:00:00Z"))
    let entry = AllowedKeys.Entry(role: .relay, name: "rack", key: a, expires: end)
    #expect(entry.line == "relay rack \(a) expires=2026-12-24T18:00:00Z\n")
    #expect(try list(entry.line).entries == [a: entry])
    #expect(!entry.isExpired(at: end + -1) && entry.isExpired(at: end))
    #expect(try list("actor desk \(a)").entries[a]?.isExpired(at: WallTime(seconds: .max)) == false)
  }

  @Test func `removing takes the line of the name alone`() throws {
    let scratch = Scratch()
    let path = scratch.file("allowed")
    let text = "# actor node x\nactor node \(b)\r\n\n relay desk \(a)"
    RawFile.write(Array(text.utf8), path)
    #expect(try AllowedKeys.text(of: path, removing: "other") == nil)
    let without = try #require(try AllowedKeys.text(of: path, removing: "node"))
    #expect(String(decoding: without, as: UTF8.self) == "# actor node x\n\n relay desk \(a)")
  }

  /// A second write in the same tick of a disk's clock, as long as the first.
  @Test func `a list that is written again counts at once`() throws {
    let scratch = Scratch()
    let watched = AllowedList(scratch.file("allowed"))
    #expect(throws: KeyError.missing(path: watched.path)) { _ = try watched.read() }
    for key in [a, b, a] {
      RawFile.write(Array("actor node \(key)\n".utf8), watched.path)
      #expect(try watched.read().entries.keys.elementsEqual([key]))
    }
    RawFile.write(Array("nonsense\n".utf8), watched.path)
    for _ in 0..<2 { #expect(throws: KeyError.self) { _ = try watched.read() } }
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

struct WallTimeTests {
  @Test(
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2024-02-29T23:59:59Z", 1_709_251_199),
      ("2026-12-24T18:00:00Z", 1_798_135_200), ("9999-12-31T23:59:59Z", 253_402_300_799),
    ] as [(String, Int64)]) func `a second and its text`(text: String, seconds: Int64)
  {
    #expect(WallTime(text)?.seconds == seconds)
    #expect(WallTime(seconds: seconds).description == text)
  }

  @Test(arguments: [
    "", "2026-12-24", "2026-12-24T18:00:00", "2026-12-24 18:00:00Z", "2026-12-24T18:00:00z",
    "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-12-24T24:00:00Z",
    "2026-12-24T18:60:00Z", "2026-12-24T18:00:60Z", "+026-12-24T18:00:00Z", "1969-12-31T23:59:59Z",
    "２026-12-24T18:00:0Z", "12026-12-24T18:00:00Z",
  ]) func `no second`(text: String) { #expect(WallTime(text) == nil) }

  @Test func `sums stay in the calendar`() {
    #expect((WallTime(seconds: 5) + .max).description == "9999-12-31T23:59:59Z")
    #expect((WallTime(seconds: 5) + -10).seconds == 0)
  }
}
