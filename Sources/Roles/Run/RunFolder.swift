import Foundation
import Records
import Transport

/// Where everything of one run lies.
package struct RunFolder: Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  package var configuration: String { "\(path)/config.yaml" }
  package var identity: String { "\(path)/run.json" }
  package var journal: String { "\(path)/journal" }
  package var checkpoints: String { "\(path)/checkpoints" }
  package var metrics: String { "\(path)/metrics.jsonl" }
  package var metricsTable: String { "\(path)/metrics.csv" }
  package var alarms: String { "\(path)/alarms.jsonl" }
  package var environment: String { "\(path)/env.json" }
  package var log: String { "\(path)/log.txt" }
  package var summary: String { "\(path)/summary.md" }
  package var strip: String { "\(path)/summary.png" }
  package var grids: String { "\(path)/grids" }
  package var lock: String { "\(path)/lock" }
  package var endpoint: String { "\(path)/endpoint.json" }
  /// With it whoever can read the run folder may join; drawn anew by every learner that asks for keys.
  package var localKey: String { "\(path)/local.key" }
  /// Where the keys of others are looked for unless `--keys` says otherwise.
  package var keys: KeyFolder { KeyFolder("\(path)/keys") }
  package func actorFile(_ name: String) -> String { "\(path)/actors/\(name).json" }
  package func actorLog(_ name: String) -> String { "\(path)/actors/\(name).log" }
  package func grid(of version: UInt64) -> String {
    "\(grids)/\(String(format: "%06d", Int(version))).png"
  }
  package func evaluation(of version: UInt64) -> String {
    "\(path)/eval/\(String(format: "%06d", Int(version))).json"
  }

  /// Whether a run was begun here, even if its `run.json` is gone.
  package var exists: Bool {
    [identity, journal].contains { FileManager.default.fileExists(atPath: $0) }
  }

  /// Makes the folder and those inside it.
  package func create() throws {
    for directory in [path, checkpoints, grids, "\(path)/actors", "\(path)/eval"] {
      do {
        try FileManager.default.createDirectory(
          atPath: directory, withIntermediateDirectories: true)
      } catch {
        throw RunFailure(.disk, "cannot make \(directory): \(error.localizedDescription)")
      }
    }
  }

  /// Writes a JSON file that appears whole or not at all.
  package static func write(_ value: some Encodable, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(Array(encoder.encode(value)), to: path)
  }

  /// Of a JSON file that is read; those that a run writes have some hundred bytes.
  private static let byteLimit = 1 << 20

  /// What a file holds, or its beginning.
  static func data(of path: String, atMost count: Int = .max) throws -> Data {
    do {
      let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      defer { try? file.close() }
      return try (count == .max ? file.readToEnd() : file.read(upToCount: count)) ?? Data()
    } catch CocoaError.fileReadNoSuchFile, CocoaError.fileNoSuchFile {
      throw RunFailure(.usage, "there is no \(path)")
    } catch {
      throw RunFailure(.disk, "\(path) cannot be read: \(error.localizedDescription)")
    }
  }

  package static func read<Value: Decodable>(_ type: Value.Type, from path: String) throws -> Value
  {
    let data = try data(of: path, atMost: byteLimit + 1)
    guard data.count <= byteLimit, let json = ForeignJSON.checked(data),
      let value = try? JSONDecoder().decode(type, from: Data(json))
    else {
      throw RunFailure(
        .usage,
        "\(path) is damaged: it does not hold what a run writes there; restore it from a copy")
    }
    return value
  }
}

/// Where a learner listens; `endpoint.json` in the run folder.
package struct Endpoint: Codable, Sendable {
  package var endpoint: String
  package var epoch: UInt64
  package var pid: Int32
  /// Whether actors must show a key; nil where it was not asked.
  package var isEncrypted: Bool?

  package init(endpoint: String, epoch: UInt64, pid: Int32) {
    self.endpoint = endpoint
    self.epoch = epoch
    self.pid = pid
  }
}

/// Who a run is: drawn once, and the count of learner lives; `run.json` in the run folder.
package struct RunIdentity: Codable, Sendable {
  package var runID: String
  /// Lives of the learner so far; every life writes its own before it listens.
  package var epoch: UInt64

  package init(runID: String, epoch: UInt64) {
    self.runID = runID
    self.epoch = epoch
  }

  /// 128 random bits.
  package static func draw() -> RunIdentity {
    let words = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
    return RunIdentity(runID: String(format: "%016lx%016lx", words.0, words.1), epoch: 0)
  }
}
