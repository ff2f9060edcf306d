import Bytes
import Foundation
import Ledger
import Records
import TestSupport
import Testing
import Transport
import Wire

/// Peers that speak ZMTP as no library would, against a learner that trains.
@Suite(.serialized) struct HostileConnectionTests {
  /// A plain connection to a learner.
  private final class Link {
    let descriptor: CInt

    init(to run: String) throws {
      let endpoint = try RunFolder.read(Endpoint.self, from: RunFolder(run).endpoint).endpoint
      let port = try #require(endpoint.split(separator: ":").last.flatMap { UInt16($0) })
      descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      let status = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      try #require(status == 0)
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close(descriptor) }

    func write(_ bytes: ArraySlice<UInt8>) -> Int {
      bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
    }

    var isClosed: Bool {
      var bytes = [UInt8](repeating: 0, count: 65_536)
      let count = recv(descriptor, &bytes, bytes.count, 0)
      return count == 0 || count < 0 && errno != EAGAIN
    }

    static func frame(_ body: [UInt8], flags: UInt8 = 0) -> [UInt8] {
      body.count < 256
        ? [flags, UInt8(body.count)] + body
        : [flags | 2] + (0..<8).map { UInt8(truncatingIfNeeded: body.count >> (56 - 8 * $0)) }
          + body
    }

    /// ZMTP's greeting as a DEALER, and a hello.
    func greet(as name: String) {
      let greeting: [UInt8] = [0xff] + Array(repeating: 0, count: 8) + [0x7f, 3, 1]
      _ = write((greeting + Array("NULL".utf8) + Array(repeating: 0, count: 16 + 32))[...])
      // libzmq hears nothing that comes before its own greeting is out.
      var heard = 0
      var bytes = [UInt8](repeating: 0, count: 64)
      let deadline = ContinuousClock.now + .seconds(60)
      while heard < 64, ContinuousClock.now < deadline {
        let count = recv(descriptor, &bytes, 64 - heard, 0)
        if count > 0 { heard += count } else { usleep(1_000) }
      }
      let ready = [5] + Array("READY".utf8) + [11] + Array("Socket-Type".utf8) + [0, 0, 0, 6]
      var said = Self.frame(ready + Array("DEALER".utf8), flags: 4)
      let hello = Hello(
        actor: name, life: String(repeating: "7", count: 32), pid: 1, runID: "",
        configurationHash: nil, modelHash: nil, numericsClass: "fma-float32/1", highestEpoch: 0,
        held: [])
      said += Self.frame(
        Envelope(epoch: 0, session: 0, sequence: 1, message: .hello(hello)).encoded())
      _ = write(said[...])
    }
  }

  private func memory(of process: pid_t) throws -> Int {
    let status = try String(
      contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) }) / 1024
  }

  private func updates(_ life: Tributary.Running) -> Int {
    Self.updates(in: life.text)
  }

  /// The number at the beginning of the last line about an update.
  private static func updates(in text: String) -> Int {
    text.split(separator: "\n").reversed().lazy.compactMap { line in
      let words = line.split(separator: " ")
      guard line.hasPrefix(" "), words.count > 3, Double(words[1]) != nil else { return nil }
      return Int(words[0])
    }.first ?? 0
  }

  @Test(arguments: [true, false]) func `a message without an end takes no memory`(isWelcome: Bool)
    throws
  {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let life = try Tributary.start(
      DensityRun.arguments(run, actors: 1, updates: 1_000_000), in: folder)
    defer { life.kill() }
    waitUntil("five updates") { updates(life) >= 5 || !life.isRunning }
    let before = try memory(of: life.id)
    let part = Link.frame([UInt8](repeating: 0, count: 1 << 20), flags: 1)
    var most = before
    for round in 0..<3 {
      let link = try Link(to: run)
      if isWelcome {
        link.greet(as: "endless")
        waitUntil("its welcome") {
          life.text.components(separatedBy: "+ actor endless").count > round + 1
        }
      } else {
        let greeting: [UInt8] = [0xff] + Array(repeating: 0, count: 8) + [0x7f, 3, 1]
        _ = link.write((greeting + Array("NULL".utf8) + Array(repeating: 0, count: 48))[...])
      }
      var sent = 0
      var looked = 0
      waitUntil("the learner to cut a message without an end") {
        let count = link.write(part[(sent % part.count)...])
        if count > 0 { sent += count }
        if sent - looked > 4 << 20 {
          looked = sent
          most = max(most, (try? memory(of: life.id)) ?? 0)
        }
        // An endless writer that is not stopped would be here for a long time.
        return link.isClosed || sent > 1 << 30
      }
      #expect(sent < 64 << 20, "\(sent >> 20) MiB were taken")
      most = max(most, try memory(of: life.id))
    }
    #expect(most - before < 64, "\(before) MiB before, at most \(most)")
    let reached = updates(life)
    waitUntil("another update") { updates(life) > reached || !life.isRunning }
    #expect(life.isRunning, "\(life.errorText)")
  }

  @Test func `strangers do not use up a learner's descriptors`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let words = DensityRun.arguments(run, actors: 1, updates: 1_000_000)
    let shell = try ChildProcess(
      "/bin/sh",
      [
        "-c", "ulimit -n 256; exec \"$0\" \"$@\" > \(folder.file("out")) 2>&1", Tributary.binary,
      ] + words)
    defer { shell.signal(SIGKILL) }
    func version() -> Int {
      let text = (try? String(contentsOfFile: folder.file("out"), encoding: .utf8)) ?? ""
      return Self.updates(in: text)
    }
    waitUntil("five updates") { version() >= 5 || !shell.isRunning }
    let links = try (0..<600).map { _ in try Link(to: run) }
    let reached = version()
    waitUntil("ten further updates") { version() >= reached + 10 || !shell.isRunning }
    #expect(shell.isRunning)
    // Most have been sent away.
    waitUntil("strangers to be sent away") { links.count(where: \.isClosed) > 400 }
  }
}
