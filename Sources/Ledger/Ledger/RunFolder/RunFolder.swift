import Bytes
package import Foundation
import Records

/// Where everything of one run lies.
package struct RunFolder: Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  package var configuration: String { "\(path)/config.yaml" }
  /// What the program that is the model says of itself, of a run that has one.
  package var model: String { "\(path)/model.json" }
  /// What the adapter is added to, of a run that has one.
  package var base: String { "\(path)/base.safetensors" }
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
  /// The name of the socket where a learner says how its run stands.
  package static let controlName = "control.sock"
  package var control: String { "\(path)/\(Self.controlName)" }
  /// With it whoever can read the run folder may join; drawn anew by every learner that asks for keys.
  package var localKey: String { "\(path)/local.key" }
  /// Where the keys of others are looked for unless `--keys` says otherwise.
  package var keys: KeyFolder { KeyFolder("\(path)/keys") }
  /// The lists of prompts that the configuration names, by digest.
  package var prompts: String { "\(path)/prompts" }
  package func actorFile(_ name: String) -> String { "\(path)/actors/\(name).json" }
  package func actorLog(_ name: String) -> String { "\(path)/actors/\(name).log" }
  package func grid(of version: UInt64) -> String {
    "\(grids)/\(String(format: "%06d", Int(version))).png"
  }
  package var evaluations: String { "\(path)/eval" }
  package func evaluation(of version: UInt64) -> String {
    "\(evaluations)/\(String(format: "%06d", Int(version))).json"
  }

  /// Whether a run was begun here, even if its `run.json` is gone.
  package var exists: Bool {
    [identity, journal].contains { FileManager.default.fileExists(atPath: $0) }
      || ((try? Checkpoint.versions(in: self))?.last ?? 0) > 0
  }

  /// What a start finds at the path.
  package enum Contents: Equatable, Sendable {
    case run
    /// Nothing, an empty folder, or what a start left that ended before its `run.json`, with which a run
    /// begins.
    case vacant
    /// A folder with files that are not ours, such as this one, or no folder.
    case foreign(String)
  }

  package func contents() throws -> Contents {
    if exists { return .run }
    guard FileManager.default.fileExists(atPath: path) else { return .vacant }
    let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let type = try? FileManager.default.attributesOfItem(atPath: real)[.type] as? FileAttributeType
    guard type == .typeDirectory else { return .foreign(path) }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw RunFailure(.disk, "\(path) cannot be read: \(error.localizedDescription)")
    }
    let foreign = names.sorted().first { !Self.isOurs($0) }
    return foreign.map(Contents.foreign) ?? .vacant
  }

  /// Whether a name in a run folder is one that a run gives, or one that says nothing about what is there.
  private static func isOurs(_ name: String) -> Bool {
    let run = RunFolder("")
    let files = [
      run.configuration, run.model, run.base, run.checkpoints, run.metrics, run.metricsTable,
      run.alarms, run.environment, run.log, run.summary, run.strip, run.grids, run.lock,
      run.endpoint, run.control, run.localKey,
      run.keys.path, run.prompts,
      "/actors", run.evaluations,
      // Of the engine that starts the run's processes.
      "/slurm", "/engine",
    ]
    // A disk's own root has a folder for what was lost.
    return files.contains("/\(name)") || name.hasPrefix("events.out.tfevents.")
      || name.hasPrefix(".") || name.hasSuffix(".tmp") || name == "lost+found"
  }

  /// Makes the folder, and those above it.
  ///
  /// - Returns: false if it was there already: of many who try at once, one is told true.
  package func claim() throws -> Bool {
    let manager = FileManager.default
    do {
      let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
      try manager.createDirectory(atPath: parent, withIntermediateDirectories: true)
      try manager.createDirectory(atPath: path, withIntermediateDirectories: false)
      return true
    } catch CocoaError.fileWriteFileExists {
      return false
    } catch {
      throw RunFailure(.disk, "cannot make \(path): \(error.localizedDescription)")
    }
  }

  /// Makes the folder and those inside it.
  package func create() throws {
    for directory in [path, checkpoints, grids, "\(path)/actors", evaluations] {
      do {
        try FileManager.default.createDirectory(
          atPath: directory, withIntermediateDirectories: true)
      } catch {
        throw RunFailure(.disk, "cannot make \(directory): \(error.localizedDescription)")
      }
    }
  }

  /// Keeps lists of prompts, so that the run needs no file of elsewhere; one that is there already
  /// stays as it is.
  package func keep(_ lists: [PromptList]) throws {
    if lists.isEmpty { return }
    do {
      try FileManager.default.createDirectory(atPath: prompts, withIntermediateDirectories: true)
    } catch {
      throw RunFailure(.disk, "cannot make \(prompts): \(error.localizedDescription)")
    }
    for list in lists where !FileManager.default.fileExists(atPath: "\(path)/\(list.setting)") {
      try AtomicFile.write(list.bytes, to: "\(path)/\(list.setting)")
    }
  }

  /// Writes a JSON file that appears whole or not at all.
  package static func write(_ value: some Encodable, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(Array(encoder.encode(value)), to: path)
  }

  /// Of a JSON file that is read; those that a run writes have some hundred bytes.
  package static let byteLimit = 1 << 20

  /// What a file holds, or its beginning.
  package static func data(of path: String, atMost count: Int = .max) throws -> Data {
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

  package static func read<Value: Decodable>(
    _ type: Value.Type, from path: String, atMost limit: Int = byteLimit
  ) throws -> Value {
    let data = try data(of: path, atMost: limit + 1)
    guard data.count <= limit, let json = ForeignJSON.checked(data),
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

/// Who a run is: drawn once, the count of learner lives, and how far it is to go; `run.json` in the run
/// folder, written after everything that a run begins with.
package struct RunIdentity: Codable, Sendable {
  package var runID: String
  /// Lives of the learner so far; every life writes its own before it listens.
  package var epoch: UInt64
  /// What `--updates` asked for last; nil for the configuration's.
  package var updates: Int?
  /// Where its version 0 comes from; nil for a run that is no fork.
  package var origin: Origin?

  package init(runID: String, epoch: UInt64) {
    self.runID = runID
    self.epoch = epoch
  }

  /// The checkpoint of another run whose averaged weights are version 0.
  package struct Origin: Codable, Hashable, Sendable {
    /// Where that run lay.
    package var run: String
    package var runID: String
    package var version: UInt64
    /// Of its training weights at that version.
    package var paramsHash: String

    package init(run: String, runID: String, version: UInt64, paramsHash: String) {
      self.run = run
      self.runID = runID
      self.version = version
      self.paramsHash = paramsHash
    }

    package var sentence: String {
      "forked from \(run) (\(runID)): its averaged weights at version \(version) are version 0 here, and"
        + " the reference"
    }
  }

  /// 128 random bits.
  package static func draw() -> RunIdentity {
    let words = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
    return RunIdentity(runID: String(format: "%016lx%016lx", words.0, words.1), epoch: 0)
  }
}
