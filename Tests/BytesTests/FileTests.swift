import Bytes
import Glibc
import TestSupport
import Testing

struct FileTests {
  @Test func `an atomic file replaces the old one and leaves nothing else`() throws {
    let scratch = Scratch()
    let path = scratch.file("endpoint.json")
    try AtomicFile.write([1, 2, 3], to: path)
    try AtomicFile.write([4], to: path)
    #expect(RawFile.read(path) == [4])
    #expect(Scratch.names(in: scratch.path) == ["endpoint.json"])
  }

  @Test func `an atomic file that cannot be renamed leaves nothing`() throws {
    let scratch = Scratch()
    let path = scratch.file("taken")
    mkdir(path, 0o755)
    #expect(throws: FileError.self) { try AtomicFile.write([1], to: path) }
    #expect(Scratch.names(in: scratch.path) == ["taken"])
    #expect(throws: FileError.self) { try AtomicFile.write([1], to: scratch.file("none/file")) }
  }

  @Test func `a second lock says who holds the first`() throws {
    let scratch = Scratch()
    let path = scratch.file("lock")
    do {
      let first = try ExclusiveLock(path: path)
      #expect(throws: LockError.held(path: path, holder: getpid())) {
        _ = try ExclusiveLock(path: path)
      }
      _ = consume first
    }
    _ = try ExclusiveLock(path: path)
  }

  @Test func `a lock never writes over what is not a lock`() throws {
    let scratch = Scratch()
    let text = scratch.file("text")
    try AtomicFile.write(Array("mine\n".utf8), to: text)
    #expect(symlink(text, scratch.file("link")) == 0)
    #expect(mkfifo(scratch.file("pipe"), 0o600) == 0)
    #expect(link(text, scratch.file("name")) == 0)
    for name in ["link", "pipe", "name", "text"] {
      #expect(throws: LockError.foreign(path: scratch.file(name))) {
        _ = try ExclusiveLock(path: scratch.file(name))
      }
    }
    #expect(RawFile.read(text) == Array("mine\n".utf8))
    // What a holder that was killed leaves.
    try AtomicFile.write(Array("12345\n".utf8), to: scratch.file("old"))
    _ = try ExclusiveLock(path: scratch.file("old"))
  }

  @Test func `errors say what to do`() {
    #expect(
      FileError.full(operation: "writing", path: "/a").description
        == "writing /a: the disk is full or the quota is used up; free some space")
    #expect(
      LockError.held(path: "/a", holder: 7).description
        == "process 7 holds /a")
  }

  @Test func `what is no plain file is not replaced, and a link is followed`() throws {
    let scratch = Scratch()
    #expect(mkfifo(scratch.file("pipe"), 0o600) == 0)
    for path in [scratch.file("pipe"), scratch.path] {
      #expect(throws: FileError.self) { try AtomicFile.write([1], to: path) }
    }
    try AtomicFile.write([1], to: scratch.file("real"))
    #expect(symlink(scratch.file("real"), scratch.file("link")) == 0)
    try AtomicFile.write([2, 3], to: scratch.file("link"))
    #expect(RawFile.read(scratch.file("real")) == [2, 3])
    var link = stat()
    #expect(lstat(scratch.file("link"), &link) == 0 && link.st_mode & S_IFMT == S_IFLNK)
  }

  @Test func `a file that is replaced keeps its mode`() throws {
    let scratch = Scratch()
    let path = scratch.file("allowed")
    try AtomicFile.write([1], to: path)
    for mode in [0o640, 0o600, 0o664] as [mode_t] {
      #expect(chmod(path, mode) == 0)
      try AtomicFile.write([2], to: path)
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_mode & 0o7777 == mode)
    }
  }

  @Test(.enabled(if: getuid() == 0, "only root gives files away"))
  func `a file that is replaced keeps its owner`() throws {
    let scratch = Scratch()
    let path = scratch.file("allowed")
    try AtomicFile.write([1], to: path)
    #expect(chown(path, 1234, 4321) == 0)
    try AtomicFile.write([2], to: path)
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_uid == 1234 && status.st_gid == 4321)
  }
}
