import CAllocations
import Configuration
import FuzzTargets
import Network
import Records
import Rewards
import Tasks
import Testing
import Wire

/// The dearest bytes that we could think of, as many as a decoder takes, cost less than twice its
/// budget of memory.
extension HostileInputTests {
  struct ByteBudget {
    // MARK: Messages

    static let limits = TrajectoryLimits(
      maximumPoints: 1_000_000, maximumBranches: 4_095, stateCount: 1, rewardCount: 0)

    static func repeated(_ bytes: [UInt8], to count: Int) -> [UInt8] {
      var all: [UInt8] = []
      all.reserveCapacity(count)
      while all.count + bytes.count <= count { all += bytes }
      return all
    }

    /// 1 MiB of each; protobuf-c makes the most of empty points: a struct of 152 bytes from two.
    static let payloads: [(name: String, bytes: [UInt8])] = [
      ("empty points", repeated([0x2a, 0x00], to: 1 << 20)),
      ("points of one byte's field", repeated([0x2a, 0x02, 0x08, 0x01], to: 1 << 20)),
      (
        "points of empty tensors",
        repeated([0x2a, 0x0a, 0x2a, 0, 0x32, 0, 0x3a, 0, 0x4a, 0, 0x52, 0], to: 1 << 20)
      ),
      ("checksums", repeated([0x2a, 0x06, 0x42, 0x04, 1, 2, 3, 4], to: 1 << 20)),
      ("checksums of latents", repeated([0x2a, 0x06, 0x5a, 0x04, 1, 2, 3, 4], to: 1 << 20)),
      ("the same scalar again", repeated([0x08, 0x01], to: 1 << 20)),
      ("unknown fields", repeated([0x78, 0x01], to: 1 << 20)),
      (
        "one tensor that claims all",
        [0x2a, 0xff, 0xff, 0x3f] + repeated([0x2a, 0xfb], to: 1 << 19)
      ),
    ]

    @Test(arguments: payloads.indices) func `a payload`(index: Int) throws {
      let (name, bytes) = Self.payloads[index]
      let arena = Arena(unpacking: bytes.count)
      CAllocations_begin()
      let decoded = try? Trajectory(decoding: bytes, limits: Self.limits, arena: arena)
      let peak = CAllocations_peak()
      #expect(decoded == nil, "\(name)")
      #expect(arena.highWater <= arena.budget && arena.budget == 2 * bytes.count + 65_536)
      #expect(
        peak <= 2 * Int64(arena.budget) || !CAllocations_areCounted(), "\(name): \(peak) bytes")
    }

    @Test func `an arena stops at its budget and not before`() {
      let empty = Self.repeated([0x2a, 0x00], to: 1 << 20)
      let arena = Arena(unpacking: empty.count)
      #expect(throws: WireError.memory(place: "trajectory", budget: arena.budget)) {
        try Trajectory(decoding: empty, limits: Self.limits, arena: arena)
      }
      #expect(arena.highWater > arena.budget / 2)
    }

    /// Scanned before anything is taken: what is refused by its form costs nothing.
    @Test func `what the scan refuses takes no memory`() {
      for (name, bytes) in Self.payloads[5...] {
        let arena = Arena(unpacking: bytes.count)
        #expect(throws: WireError.self) {
          try Trajectory(decoding: bytes, limits: Self.limits, arena: arena)
        }
        #expect(arena.highWater == 0, "\(name)")
      }
    }

    // MARK: Files

    struct Case: Sendable, CustomTestStringConvertible {
      var testDescription: String
      var target: String
      var bytes: [UInt8]

      init(_ target: String, _ name: String, _ bytes: [UInt8]) {
        testDescription = "\(target): \(name)"
        self.target = target
        self.bytes = bytes
      }
    }

    static func text(_ text: String, to count: Int) -> [UInt8] {
      repeated(Array(text.utf8), to: count)
    }

    static func safeTensors(_ header: [UInt8]) -> [UInt8] {
      (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header
    }

    static func header(_ count: Int, _ tensor: (Int) -> String) -> [UInt8] {
      safeTensors(Array("{\((0..<count).map(tensor).joined(separator: ","))}".utf8))
    }

    static func message(_ bytes: [UInt8]) -> [UInt8] {
      [0x0d, 0x42, 0x49, 0x52, 0x54, 0x10, 1] + bytes
    }

    static let yaml = RunConfiguration.byteLimit
    static let cases: [Case] = [
      Case(
        "envelope", "empty acknowledgements",
        message([0xba, 1, 0x80, 4] + text("\u{a}\0", to: 512))),
      Case("envelope", "nothing but zeros", [UInt8](repeating: 0, count: 1 << 20)),
      Case("envelope", "one field again and again", message(text("\u{20}\u{1}", to: 60_000))),
      Case("record", "headers", text("\u{a}\0", to: 1 << 20)),
      Case(
        "record", "one long payload",
        [0x12, 0xfc, 0xff, 0x3f, 0x22, 0xf8, 0xff, 0x3f] + [UInt8](repeating: 1, count: 0xffff8)),
      Case(
        "safetensors", "many names",
        header(15_000) { "\"\($0)\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}" }),
      Case(
        "safetensors", "much metadata",
        safeTensors(
          Array(
            "{\"__metadata__\":{\((0..<80_000).map { "\"\($0)\":\"\"" }.joined(separator: ","))}}"
              .utf8))),
      Case(
        "safetensors", "a long shape",
        safeTensors(Array("{\"a\":{\"shape\":[".utf8) + text("1,", to: 1 << 19))),
      Case("safetensors", "nested", safeTensors(text("{\"a\":", to: 1 << 20))),
      Case(
        "safetensors", "escapes", safeTensors(Array("{\"".utf8) + text("\\u00e9", to: 1 << 20 - 8))),
      Case(
        "configuration", "empty lists",
        Array("reward: {train: [".utf8) + text("[],", to: yaml - 32) + Array("x]}".utf8)),
      Case(
        "configuration", "one letter each",
        Array("reward: {train: [".utf8) + text("a,", to: yaml - 32) + Array("x]}".utf8)),
      Case("configuration", "nested lists", text("[", to: yaml)),
      Case("configuration", "nested maps", text("? ", to: yaml)),
      Case("configuration", "many keys", Array((0..<20_000).map { "k\($0): 1\n" }.joined().utf8)),
      Case("configuration", "one long key", text("x", to: yaml - 8) + Array(": 1".utf8)),
      Case(
        "configuration", "aliases of aliases",
        Array(
          ((0..<30).map { "a\($0): &a\($0) [\($0 == 0 ? "x, x" : "*a\($0 - 1), *a\($0 - 1)")]\n" }
            .joined() + "? *a29\n: 1\n").utf8)),
      Case("configuration", "too long", text("# x\n", to: 1 << 20)),
      Case("prompts-shapes", "lines", [0] + text("\n", to: 1 << 20)),
      Case("prompts-shapes", "prompts", [0] + text("a circle\n", to: 1 << 20)),
      Case("prompts-shapes", "one word", [0] + text("x", to: 1 << 20)),
      Case("prompts-shapes", "marks on a letter", [0] + text("\u{301}", to: 1 << 20)),
      Case("prompts-shapes", "nested JSON", [1] + text("{\"prompt\":", to: 1 << 20)),
      Case(
        "prompts-shapes", "a list of numbers",
        [1] + Array("{\"prompt\":\"a circle\",\"x\":[".utf8) + text("1,", to: 1 << 19)
          + Array("1]}".utf8)),
      Case(
        "answer", "scores",
        [1] + Array("{\"rewards\":[".utf8) + text("0,", to: 1 << 20 - 64) + Array("0]}".utf8)),
      Case(
        "answer", "nulls",
        [1] + Array("{\"rewards\":[".utf8) + text("null,", to: 1 << 20 - 64) + Array("0]}".utf8)),
      Case(
        "answer", "names",
        [1] + Array(("{" + (0..<90_000).map { "\"\($0)\":1" }.joined(separator: ",") + "}").utf8)),
      Case("answer", "nested", [1] + text("[", to: 1 << 20 - 1)),
      Case(
        "answer", "lists", [1] + Array("[".utf8) + text("[],", to: 1 << 20 - 64) + Array("0]".utf8)),
      Case("model-answer", "nested", text("{\"answer\":", to: 1 << 20)),
      Case(
        "model-answer", "lists", Array("[".utf8) + text("[],", to: 1 << 20 - 64) + Array("0]".utf8)),
      Case(
        "model-contract", "parameters",
        Array("{\"parameters\":[".utf8) + text("{\"name\":\"a\",\"shape\":[1]},", to: 1 << 20 - 64)
          + Array("{}]}".utf8)),
      Case(
        "model-contract", "a long shape",
        Array("{\"latent\":[".utf8) + text("1,", to: 1 << 20 - 64) + Array("1]}".utf8)),
      Case(
        "prompts-open", "lines of JSON", [1] + text("{\"prompt\":\"a\",\"x\":1}\n", to: 1 << 20)),
      Case("keyfile", "fields", text("role actor\n", to: 4_096)),
      Case("keyfile", "words", text("a ", to: 1 << 20)),
      Case("allowed", "lines", text("\n", to: 1 << 20)),
      Case("allowed", "words", text("a ", to: 1 << 20)),
      Case(
        "allowed", "keys",
        Array(
          (0..<12_000).map { "actor a\($0) \(String(repeating: "0", count: 58))\(100_000 + $0)\n" }
            .joined().utf8)),
      Case("run-files", "nested", [0] + text("[", to: 1 << 20)),
      Case(
        "run-files", "numbers",
        [0] + Array("{\"x\":[".utf8) + text("0,", to: 1 << 20 - 64) + Array("0]}".utf8)),
      Case("metrics", "nested", [UInt8](repeating: 0, count: 8) + text("[", to: 1 << 20)),
      Case(
        "metrics", "lines", [UInt8](repeating: 0, count: 8) + text("{\"version\":0}\n", to: 1 << 20)
      ),
      Case(
        "metrics", "names",
        [UInt8](repeating: 0, count: 8)
          + Array(("{\"version\":0" + (0..<90_000).map { ",\"\($0)\":1" }.joined() + "}").utf8)),
    ]

    /// The law of each target holds memory below twice its budget.
    @Test(arguments: cases) func `a file`(input: Case) throws {
      let target = try #require(FuzzTarget.named(input.target))
      let clock = ContinuousClock()
      let taken = try clock.measure { try target.check(input.bytes) }
      // Some are refused at once and none takes a second; a machine under load may be slow.
      #expect(taken < .seconds(60))
    }
  }
}
