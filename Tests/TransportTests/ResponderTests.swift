import Bytes
import Foundation
import TestSupport
import Testing
import Transport

/// The responder at real sockets: who asks is answered, whoever else is there.
@Suite(.serialized) struct ResponderTests {
  private static let name = "control.sock"

  private func responder(_ folder: Scratch, body: Int = 10) throws -> Responder {
    let responder = try Responder(at: [try ControlSocket(Self.name, in: folder.path)]) { path in
      HTTPAnswer(path == "/" ? .ok : .notFound, body: [UInt8](repeating: 120, count: body))
    }
    try responder.run()
    return responder
  }

  private func ask(_ folder: String, seconds: Double = 20) -> Result<
    HTTPAnswer, ControlQuestion.Failure
  > {
    Result { () throws(ControlQuestion.Failure) in
      try ControlQuestion.ask("/", at: Self.name, in: folder, within: seconds)
    }
  }

  @Test func `a large answer comes whole, and the socket is its owner's alone`() throws {
    let folder = Scratch()
    let responder = try responder(folder, body: 3 << 20)
    var status = stat()
    #expect(lstat(folder.file(Self.name), &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    #expect(try ask(folder.path).get().body.count == 3 << 20)
    responder.stop()
  }

  @Test func `a folder may lie as deep as it likes`() throws {
    let folder = Scratch()
    let deep = folder.file(
      (0..<4).map { _ in String(repeating: "d", count: 60) }.joined(separator: "/"))
    try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true)
    #expect(deep.utf8.count > 200)
    let responder = try Responder(at: [try ControlSocket(Self.name, in: deep)]) { _ in
      HTTPAnswer(.ok, "deep")
    }
    try responder.run()
    #expect(try ask(deep).get() == HTTPAnswer(.ok, "deep"))
    responder.stop()
  }

  @Test func `what a dead process left is replaced, and what is no socket stays`() throws {
    let folder = Scratch()
    do {
      let dead = try ControlSocket(Self.name, in: folder.path)
      #expect(throws: ControlQuestion.Failure.silent) {
        try ControlQuestion.ask("/", at: Self.name, in: folder.path, within: 0.2)
      }
      // As after a kill: the name stays, and nobody listens.
      rename(folder.file(Self.name), folder.file("kept"))
      withExtendedLifetime(dead) {}
    }
    rename(folder.file("kept"), folder.file(Self.name))
    #expect(throws: ControlQuestion.Failure.nobody) { try ask(folder.path).get() }
    let responder = try responder(folder)
    #expect(try ask(folder.path).get().status == .ok)
    responder.stop()
    let other = Scratch()
    RawFile.write([1], other.file(Self.name))
    #expect(throws: FileError.self) { try ControlSocket(Self.name, in: other.path) }
    #expect(RawFile.read(other.file(Self.name)) == [1])
    #expect(throws: ControlQuestion.Failure.nobody) { try ask(other.path).get() }
    #expect(throws: ControlQuestion.Failure.nobody) { try ask(other.file("none")).get() }
  }

  @Test func `a socket that another one has replaced is not deleted`() throws {
    let folder = Scratch()
    var first: ControlSocket? = try ControlSocket(Self.name, in: folder.path)
    let second = try ControlSocket(Self.name, in: folder.path)
    _ = first.map { $0.descriptor }
    first = nil
    #expect(Scratch.names(in: folder.path) == [Self.name])
    withExtendedLifetime(second) {}
  }

  @Test func `those who say nothing, too much or never listen are in nobody's way`() throws {
    let folder = Scratch()
    let responder = try responder(folder, body: 2 << 20)
    var silent: [CInt] = []
    defer { for descriptor in silent { close(descriptor) } }
    for round in 0..<60 {
      let descriptor = try Self.connected(folder.file(Self.name))
      silent.append(descriptor)
      switch round % 3 {
      case 0: break
      // A line that has no end.
      case 1: Self.say(descriptor, String(repeating: "x", count: 1 << 16))
      // An answer that it does not take.
      default: Self.say(descriptor, "GET / HTTP/1.0\r\n\r\n")
      }
      if round % 20 == 19 { #expect(try ask(folder.path).get().body.count == 2 << 20) }
    }
    #expect(try ask(folder.path).get().status == .ok)
    responder.stop()
  }

  private static func connected(_ path: String) throws -> CInt {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(status == 0)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    return descriptor
  }

  private static func say(_ descriptor: CInt, _ text: String) {
    let bytes = Array(text.utf8)
    _ = send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL))
  }
}
