import Bytes
package import Flow
import Foundation
package import Learning
import Network
import Records
package import Tensor
import Wire

/// Everything a learner needs to go on from a version: `checkpoints/000020/`.
///
/// It is written beside its place and renamed into it, so a checkpoint is whole or absent.
package enum Checkpoint {
  /// `state.json`: what is beside the tensors, the counters under their own names.
  private struct State: Codable {
    struct Rest: Codable {
      var snapshots: [UInt64]
      var snapshotHashes: [String]
      var paramsHash: String
      var stateHash: String
      var journal: JournalMark?
    }

    let counters: TrainingState.Counters
    let rest: Rest

    init(_ counters: TrainingState.Counters, _ rest: Rest) {
      self.counters = counters
      self.rest = rest
    }

    init(from decoder: any Decoder) throws {
      self.init(try TrainingState.Counters(from: decoder), try Rest(from: decoder))
    }

    func encode(to encoder: any Encoder) throws {
      try counters.encode(to: encoder)
      try rest.encode(to: encoder)
    }
  }

  /// What a checkpoint's `state.json` says that its tensors have.
  struct Hashes: Decodable, Equatable {
    var version: UInt64
    var paramsHash: String
    var stateHash: String
  }

  /// The versions that have a checkpoint, ascending.
  ///
  /// - Throws: where there is a folder that cannot be read: a run is not begun anew because of that.
  package static func versions(in folder: RunFolder) throws -> [UInt64] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder.checkpoints)
        .compactMap(Self.version).sorted()
    } catch CocoaError.fileReadNoSuchFile {
      return []
    } catch {
      throw RunFailure(
        .disk, "\(folder.checkpoints) cannot be read: \(error.localizedDescription)")
    }
  }

  /// Of a folder's name; other names are none of our business.
  package static func version(_ name: String) -> UInt64? {
    guard let version = UInt64(name), version < WireLimits.updates else { return nil }
    return name == Self.name(of: version) ? version : nil
  }

  package static func name(of version: UInt64) -> String {
    String(format: "%06d", Int(version))
  }

  /// Where the journal goes on behind a checkpoint; nil where that was not written down.
  static func journalMark(of version: UInt64, in folder: RunFolder) -> JournalMark? {
    try? RunFolder.read(State.self, from: "\(path(of: version, in: folder))/state.json").rest
      .journal
  }

  /// The digest of the newest checkpoint's training weights; nil without one.
  package static func newestParamsHash(in folder: RunFolder) -> String? {
    (try? versions(in: folder))?.last.flatMap { version in
      try? RunFolder.read(Hashes.self, from: "\(path(of: version, in: folder))/state.json")
    }?.paramsHash
  }

  package static func path(of version: UInt64, in folder: RunFolder) -> String {
    "\(folder.checkpoints)/\(name(of: version))"
  }

  /// Which checkpoints stay when a new one is written; the first, the best and those under evaluation always do.
  package struct Retention: Sendable {
    /// The newest so many.
    package var last = 2
    /// Those whose version is a multiple of it; 0: none.
    package var every: UInt64 = 0

    package init() {}
  }

  /// Writes the core's state and removes what is not to be kept.
  ///
  /// - Parameters:
  ///   - journal: where resume may begin to read; nil is the beginning.
  ///   - known: whether this process has written, or read and verified, an earlier one of the run: the
  ///     reference, which never changes, is that one's file then.
  package static func write(
    _ core: LearnerCore, to folder: RunFolder, journal: JournalMark? = nil,
    keeping: Retention = Retention(), known: UInt64? = nil
  ) throws {
    let policy = core.policy
    let model = core.recipe.model.contract
    let version = policy.version.rawValue
    let place = path(of: version, in: folder)
    let manager = FileManager.default
    let knownReference = known.map {
      "\(Checkpoint.path(of: $0, in: folder))/\(TrainingState.Role.reference.rawValue).safetensors"
    }
    if manager.fileExists(atPath: place) {
      if known == version { return }
      // One that does not verify was passed over, and is no checkpoint.
      let written = try? read(version, in: folder, recipe: core.recipe)
      if written?.policy.stateHash == policy.stateHash { return }
      try manager.removeItem(atPath: place)
    }
    removeLeftovers(in: folder)
    let temporary = "\(folder.checkpoints)/.new-\(version)"
    try manager.createDirectory(atPath: temporary, withIntermediateDirectories: true)
    func file(_ name: String) -> String { "\(temporary)/\(name).safetensors" }
    for (role, buffer) in policy.buffers {
      if role == .reference, let first = knownReference,
        unsafe link(first, file(role.rawValue)) == 0
      {
        continue
      }
      try model.write(buffer, to: file(role.rawValue))
    }
    for snapshot in core.recent where snapshot.version != policy.version {
      try model.write(
        snapshot.parameters.buffer, to: file("snapshot-\(snapshot.version.rawValue)"))
    }
    let state = State(
      policy.counters,
      State.Rest(
        snapshots: core.recent.map(\.version.rawValue),
        snapshotHashes: core.recent.map { "\($0.hash)" }, paramsHash: "\(policy.paramsHash)",
        stateHash: "\(policy.stateHash)", journal: journal))
    try RunFolder.write(state, to: "\(temporary)/state.json")
    try manager.moveItem(atPath: temporary, toPath: place)
    try CheckpointName.latest.lead(to: version, in: folder)
    try prune(folder, keeping: keeping)
  }

  private static func prune(_ folder: RunFolder, keeping: Retention) throws {
    // Those under evaluation may become the best.
    let kept = Set(EvaluationFolder.all(in: folder).map(\.version) + [0, best(in: folder) ?? 0])
    for old in try versions(in: folder).filter({ !kept.contains($0) }).dropLast(keeping.last)
    where keeping.every == 0 || !old.isMultiple(of: keeping.every) {
      // Renamed first: whoever is killed now leaves no half of a checkpoint under its name.
      let doomed = "\(folder.checkpoints)/.old-\(old)"
      try? FileManager.default.removeItem(atPath: doomed)
      try FileManager.default.moveItem(atPath: path(of: old, in: folder), toPath: doomed)
      try? FileManager.default.removeItem(atPath: doomed)
    }
  }

  /// Says that this checkpoint has the best evaluation so far; it is kept until another has.
  package static func markBest(
    _ version: UInt64, in folder: RunFolder, keeping: Retention = Retention()
  ) throws {
    try CheckpointName.best.lead(to: version, in: folder)
    try prune(folder, keeping: keeping)
  }

  /// Moves the checkpoints of versions that a run will reach again out of its way: `000020` is called
  /// `000020.aside` then.
  static func setAside(after version: UInt64, in folder: RunFolder) throws {
    let manager = FileManager.default
    // The names first: whoever is killed in between finds the gap again.
    if let best = best(in: folder), best > version {
      try manager.removeItem(atPath: CheckpointName.best.path(in: folder))
    }
    let versions = try versions(in: folder)
    if let newest = versions.last(where: { $0 <= version }) {
      try CheckpointName.latest.lead(to: newest, in: folder)
    }
    for newer in versions where newer > version {
      let place = path(of: newer, in: folder)
      try? manager.removeItem(atPath: "\(place).aside")
      try manager.moveItem(atPath: place, toPath: "\(place).aside")
    }
  }

  /// The version that ``markBest(_:in:)`` named last.
  package static func best(in folder: RunFolder) -> UInt64? {
    CheckpointName.best.version(in: folder)
  }

  /// What lives that ended while they wrote left behind.
  private static func removeLeftovers(in folder: RunFolder) {
    let manager = FileManager.default
    let names = (try? manager.contentsOfDirectory(atPath: folder.checkpoints)) ?? []
    for name in names
    where name.hasPrefix(".new-") || name.hasPrefix(".old-") || name.hasSuffix(".tmp") {
      try? manager.removeItem(atPath: "\(folder.checkpoints)/\(name)")
    }
  }

  /// The newest checkpoint that verifies; damaged ones are passed over and named.
  ///
  /// - Parameters:
  ///   - last: the newest version that will do.
  ///   - damaged: told about each checkpoint that was passed over.
  package static func newest(
    in folder: RunFolder, upTo last: UInt64 = .max, recipe: Recipe, damaged: (String) -> Void
  ) throws -> LearnerCore {
    for version in try versions(in: folder).reversed() where version <= last {
      do {
        return try read(version, in: folder, recipe: recipe)
      } catch {
        damaged("checkpoint \(version) is passed over: \(error)")
      }
    }
    throw RunFailure(.disk, "\(folder.checkpoints) has no checkpoint that can be read")
  }

  /// Reads one checkpoint and verifies both hashes.
  package static func read(_ version: UInt64, in folder: RunFolder, recipe: Recipe) throws
    -> LearnerCore
  {
    let place = path(of: version, in: folder)
    func tensors(_ name: String) throws -> Buffer {
      try Self.parameters(in: "\(place)/\(name).safetensors", of: recipe.model)
    }
    let state = try RunFolder.read(State.self, from: "\(place)/state.json")
    let (counters, rest) = (state.counters, state.rest)
    guard counters.version == version else {
      throw RunFailure(.mismatch, "\(place): its state.json is that of version \(counters.version)")
    }
    let reference = try tensors(TrainingState.Role.reference.rawValue)
    let policy = TrainingState(base: reference, reference: reference, recipe: recipe)
    for (role, buffer) in policy.buffers where role != .reference {
      buffer.assign(try tensors(role.rawValue))
    }
    policy.counters = counters
    guard "\(policy.paramsHash)" == rest.paramsHash, "\(policy.stateHash)" == rest.stateHash
    else {
      throw RunFailure(.mismatch, "\(place): its tensors do not have the hashes of state.json")
    }
    let recent = try zip(rest.snapshots, rest.snapshotHashes).map { number, hash in
      if number == version { return policy.snapshot }
      let snapshot = Snapshot(
        version: PolicyVersion(number), parameters: try tensors("snapshot-\(number)"))
      guard "\(snapshot.hash)" == hash else {
        throw RunFailure(
          .mismatch, "\(place): snapshot \(number) does not have the hash of state.json")
      }
      return snapshot
    }
    return LearnerCore(recipe: recipe, policy: policy, recent: recent)
  }

  /// The parameters that a run began with, of a run that has its checkpoint 0.
  package static func base(in folder: RunFolder, of model: any VelocityModel) throws -> Buffer {
    try parameters(in: "\(path(of: 0, in: folder))/weights.safetensors", of: model)
  }

  /// The parameters in a safetensors file of this model.
  package static func parameters(in path: String, of model: any VelocityModel) throws -> Buffer {
    do {
      return try model.contract.parameters.parameters(inFile: path)
    } catch let error as FileError {
      throw FileManager.default.fileExists(atPath: path)
        ? RunFailure(.disk, "\(error)") : RunFailure(.usage, "there is no \(path)")
    } catch {
      throw RunFailure(.usage, "\(path): \(error)")
    }
  }
}
