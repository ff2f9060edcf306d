import Foundation
import Rewards
import Tasks
import TestSupport
import Testing

/// Real servers that answer, and that fail.
struct HTTPRewardTests {
  /// A server in Python, ended with this value.
  private final class Server {
    let process = Process()
    let address: String

    init(_ mode: String) throws {
      process.executableURL = URL(fileURLWithPath: Exhibits.script("server.py"))
      process.arguments = [mode]
      process.standardError = FileHandle.nullDevice
      let port = String(decoding: try process.startedOutput().availableData, as: UTF8.self)
      address = "http://127.0.0.1:\(port.trimmingCharacters(in: .whitespacesAndNewlines))"
    }

    func stop() {
      // Threads of a test block signals, and a child inherits that: only this one arrives.
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }

    deinit { stop() }

    func reward(timeout: Double = 20, retries: Int = 0, concurrency: Int = 1) -> HTTPReward {
      HTTPReward(
        address,
        source: Exhibits.source(
          address, timeout: timeout, retries: retries, concurrency: concurrency), task: Density())
    }
  }

  @Test(arguments: [1, 3, 8, 20]) func `scores come in the order of the exhibits`(
    concurrency: Int
  ) throws {
    let server = try Server("ok")
    let reward = server.reward(concurrency: concurrency)
    defer { reward.close() }
    try reward.checkHealth()
    for _ in 0..<3 {
      #expect(try reward.scores(of: Exhibits.eight, waiting: {}) == Exhibits.scores)
    }
  }

  @Test(arguments: [
    ("500", Fault.Kind.refused, "500"), ("500", .refused, "no model"),
    ("drop", .crashed, "/compute"), ("cut", .crashed, "127.0.0.1"), ("slow", .slow, "within 1 s"),
    ("trickle", .slow, "within 1 s"), ("garbage", .garbage, "hello"),
    ("few", .wrongCount, "7 scores for 8"), ("nan", .notFinite, "NaN"),
    ("oversize", .oversize, "1048576"), ("elsewhere", .refused, "307"),
  ])
  func `a failure has its kind and says why`(mode: String, kind: Fault.Kind, words: String) throws {
    let server = try Server(mode)
    let reward = server.reward(timeout: kind == .slow ? 1 : 20)
    defer { reward.close() }
    let failure = try #require(Exhibits.failure(of: reward))
    #expect(failure.fault.kind == kind, "\(failure)")
    #expect(failure.description.contains(words), "\(failure)")
    #expect((failure.missing, failure.asked, failure.tries) == (8, 8, 1))
  }

  @Test func `a server that is down, goes down and comes back`() throws {
    let server = try Server("ok")
    let reward = server.reward()
    defer { reward.close() }
    #expect(try reward.scores(of: Exhibits.eight, waiting: {}) == Exhibits.scores)
    server.stop()
    for _ in 0..<2 {
      let failure = try #require(Exhibits.failure(of: reward))
      #expect([.down, .crashed].contains(failure.fault.kind), "\(failure)")
    }
    #expect(throws: Fault.self) { try reward.checkHealth() }
    let nowhere = HTTPReward(
      "http://127.0.0.1:1", source: Exhibits.source("http://127.0.0.1:1"), task: Density())
    defer { nowhere.close() }
    let failure = try #require(Exhibits.failure(of: nowhere))
    #expect(failure.fault.kind == .down, "\(failure)")
    #expect(failure.description.contains("http://127.0.0.1:1/compute cannot be reached"))
  }

  @Test func `a request is tried again`() throws {
    let patient = try Server("500-twice")
    let reward = patient.reward(retries: 2)
    defer { reward.close() }
    #expect(try reward.scores(of: Exhibits.eight, waiting: {}) == Exhibits.scores)
    let other = try Server("500-twice")
    let hasty = other.reward(retries: 1)
    defer { hasty.close() }
    #expect(try #require(Exhibits.failure(of: hasty)).tries == 2)
  }

  @Test func `as many requests at once as asked for`() throws {
    let server = try Server("together")
    for concurrency in [1, 4] {
      let reward = server.reward(concurrency: concurrency)
      defer { reward.close() }
      #expect(try reward.scores(of: Exhibits.eight, waiting: {}) == Exhibits.scores)
      let url = try #require(URL(string: "\(server.address)/health"))
      let health = String(decoding: try Data(contentsOf: url), as: UTF8.self)
      #expect(health == "{\"most\": \(concurrency)}")
    }
  }
}
