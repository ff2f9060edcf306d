import Foundation
import FuzzTargets
import TestSupport
import Testing

/// Every input that was ever of interest still keeps its law.
extension HostileInputTests {
  struct Corpus {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent()
    static let corpus = root.appendingPathComponent("Fuzz/corpus").path

    static func inputs(_ target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
      let folder = "\(corpus)/\(target.name)"
      return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
        (name, Array(try #require(FileManager.default.contents(atPath: "\(folder)/\(name)"))))
      }
    }

    /// With TRIBUTARY_WRITE_SEEDS the seeds are written, otherwise they must be there as they are made.
    @Test(arguments: FuzzTarget.all.map(\.name)) func `seeds are what the encoders write`(
      name: String
    )
      throws
    {
      let target = try #require(FuzzTarget.named(name))
      let run = Self.root.appendingPathComponent("Fixtures/run-1").path
      let seeds = try target.seeds(run: run)
      #expect(!seeds.isEmpty)
      if ProcessInfo.processInfo.environment["TRIBUTARY_WRITE_SEEDS"] != nil {
        let folder = "\(Self.corpus)/\(name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (seed, bytes) in seeds {
          try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(seed)"))
        }
      }
      let kept = try Self.inputs(target)
      for (seed, bytes) in seeds {
        #expect(kept.first { $0.name == seed }?.bytes == bytes, "\(name)/\(seed) is another")
      }
    }

    @Test(arguments: FuzzTarget.all.map(\.name)) func `every kept input keeps its law`(name: String)
      throws
    {
      let target = try #require(FuzzTarget.named(name))
      for (input, bytes) in try Self.inputs(target) {
        #expect(throws: Never.self, "\(name)/\(input)") { try target.check(bytes) }
      }
    }

    @Test(arguments: FuzzTarget.all.map(\.name)) func `and so do its changes`(name: String) throws {
      let target = try #require(FuzzTarget.named(name))
      let mutation = Mutation(
        of: try Self.inputs(target).map(\.bytes), byteLimit: target.byteLimit)
      var random = SplitMix64(seed: 7)
      for round in 0..<1_500 {
        let bytes = mutation.next(using: &random)
        #expect(throws: Never.self, "\(name), input \(round): \(bytes)") { try target.check(bytes) }
      }
    }
  }
}
