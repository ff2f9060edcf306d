import Bytes
import Foundation
import Glibc
import HTTP
import Programs
import Rewards
import Synchronization
import Tasks
import Testing
import TestSupport

/// Real servers that answer, and that fail.
struct HTTPRewardTests {
  /// A server in Python, ended with this value.
  private final class Server {
    private let process: ChildProcess
    let address: String

    init(_ mode: String, _ host: String = "127.0.0.1") throws {
      process = try ChildProcess(Exhibits.script("server.py"), [mode, host], output: .pipe)
      let port = String(decoding: process.output.read(), as: UTF8.self)
      let name = host.contains(":") ? "[\(host)]" : host
      address = "http://\(name):\(port.trimmingCharacters(in: .whitespacesAndNewlines))"
    }

    func stop() {
      process.signal(SIGKILL)
      process.wait()
    }

    deinit { stop() }

    func body(of path: String) throws -> [UInt8] {
      try HTTPClient().answer(
        to: HTTPRequest(HTTPAddress(address + path)), within: 20, limit: 1 << 20
      ).body
    }

    func reward(
      at path: String, token: RewardToken? = nil, timeout: Double = 20
    ) -> HTTPReward {
      var source = Exhibits.source(address + path, timeout: timeout)
      source.token = token
      return HTTPReward(address + path, source: source, task: Density())
    }

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
    ("elsewhere", .refused, "/other?token=…"), ("http-0.9", .garbage, "does not speak HTTP"),
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
      let health = String(decoding: try server.body(of: "/health"), as: UTF8.self)
      #expect(health == "{\"most\": \(concurrency)}")
    }
  }

  @Test func `a server at an IPv6 address is asked like any other`() throws {
    let server = try Server("ok", "::1")
    let reward = server.reward()
    defer { reward.close() }
    try reward.checkHealth()
    #expect(try reward.scores(of: Exhibits.eight, waiting: {}) == Exhibits.scores)
    #expect(reward.source.name == "ip6-1")
  }

  @Test(arguments: [
    ("", "/compute", "/health"), ("/", "/compute", "/health"), ("/compute", "/compute", "/health"),
    ("/v1/", "/v1/compute", "/v1/health"), ("/?model=a", "/compute?model=a", "/health?model=a"),
    ("/v1/compute?model=a", "/v1/compute?model=a", "/v1/health?model=a"),
    ("?model=a/b", "/compute?model=a/b", "/health?model=a/b"),
  ])
  func `the resource goes into the path`(given: String, compute: String, health: String) throws {
    let server = try Server("anywhere")
    let reward = server.reward(at: given)
    defer { reward.close() }
    try reward.checkHealth()
    #expect(try reward.scores(of: Exhibits.eight, waiting: {}) == Exhibits.scores)
    let asked = try JSONDecoder().decode([[String]].self, from: Data(server.body(of: "/asked")))
    #expect(asked.map { $0[0] } == [health, compute])
  }

  @Test func `a token goes into the header or the query, and into no sentence`() throws {
    let folder = try ScratchFolder()
    func asked(
      _ token: String, parameter: String? = nil, mode: String = "anywhere"
    ) throws -> (last: [String], failure: RewardFailure?) {
      try folder.write(Data("\(token)\n".utf8), to: "token")
      let server = try Server(mode)
      let reward = server.reward(
        at: "/", token: RewardToken(.file(folder.file("token")), parameter: parameter))
      defer { reward.close() }
      let failure = Exhibits.failure(of: reward)
      let list = try JSONDecoder().decode([[String]].self, from: Data(server.body(of: "/asked")))
      return (try #require(list.last), failure)
    }
    #expect(try asked("hunter2").last == ["/compute", "Bearer hunter2"])
    #expect(try asked("me:hunter2").last == ["/compute", "Basic bWU6aHVudGVyMg=="])
    #expect(try asked("a b&c", parameter: "key").last == ["/compute?key=a%20b%26c", ""])
    let echoed = try asked("hunter2", parameter: "key", mode: "echo-500").failure
    let failure = try #require(echoed)
    #expect(!"\(failure)".contains("hunter2") && "\(failure)".contains("…"), "\(failure)")
    #expect(!failure.outline.contains("Bearer"), "the outline quotes nothing: \(failure.outline)")
    for token in ["aB3-x_9==", "a \"quoted\" one", String(repeating: "long-", count: 30)] {
      for mode in ["echo-500", "echo-error", "echo-garbage", "drop"] {
        let failure = try #require(try asked(token, parameter: "code", mode: mode).failure)
        let said = "\(failure) \(failure.outline)"
        for form in [token, token.prefix(20).description, "aB3-x_9%3D", "quoted%22"] {
          #expect(!said.contains(form), "\(mode): \(said)")
        }
      }
    }
    let nowhere = try Server("ok").reward(at: "/", token: RewardToken(.variable("NO_SUCH_TOKEN")))
    #expect(Exhibits.failure(of: nowhere)?.description.contains("NO_SUCH_TOKEN") == true)
  }

  @Test func `whoever waits sleeps`() throws {
    for mode in ["late", "late-1.0"] {
      let server = try Server(mode)
      let reward = server.reward()
      defer { reward.close() }
      for _ in 0..<2 {
        let ticks = Atomic<Int>(0)
        let before = Self.processorSeconds()
        #expect(
          try reward.scores(of: Exhibits.eight) { ticks.add(1, ordering: .relaxed) }
            == Exhibits.scores)
        // The server answers after 2 s. A wait that turns uses all of them, one that sleeps some hundredths;
        // other tests of this process run on other threads.
        let used = Self.processorSeconds() - before
        #expect(used < 0.5, "\(used) s of processor time for 2 s of waiting")
        #expect(ticks.load(ordering: .relaxed) >= 4, "it says that it waits")
      }
    }
  }

  /// Seconds of this thread, on which the last share waits.
  private static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  @Test func `a host that nobody knows is called unknown`() throws {
    let address = "http://no-such-host.invalid:8000"
    let reward = HTTPReward(address, source: Exhibits.source(address), task: Density())
    defer { reward.close() }
    let failure = try #require(Exhibits.failure(of: reward))
    #expect(failure.fault.kind == .down)
    #expect(failure.description.contains("the host no-such-host.invalid is unknown"), "\(failure)")
  }
}
