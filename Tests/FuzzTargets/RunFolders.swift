import Configuration
import Flow
import Foundation
import Learning
import Ledger
import Network
import Records
import Rewards
import Telemetry
import Tensor

extension FuzzTarget {
  /// What a reward's program or server answers; the first byte is how many scores were asked for.
  static let answer = FuzzTarget("answer", byteLimit: 1_024) { bytes in
    let count = Int(bytes.first ?? 0) % 8
    let scores = try decode(Array(bytes.dropFirst()), within: .foreign) {
      try Question.scores(in: $0, count: count)
    }
    guard let scores else { return }
    try require(
      scores.count == count && scores.allSatisfy { abs($0) <= 1e6 }, "the scores are \(scores)")
  }

  /// The small JSON files of a run; the first byte says which.
  static let runFiles = FuzzTarget("run-files", byteLimit: 1_024) { bytes in
    let folder = try TestFolder("run-files")
    let content = Array(bytes.dropFirst())
    try folder.write(content, "run.json")
    func check<Value: Codable>(_: Value.Type) throws {
      let path = "\(folder.path)/run.json"
      let value = try decode(content, within: .foreign) { _ in
        try RunFolder.read(Value.self, from: path)
      }
      guard let value else { return }
      let text = try JSONEncoder.sorted.encode(value)
      try folder.write(Array(text), "run.json")
      let again = try RunFolder.read(Value.self, from: path)
      try require(JSONEncoder.sorted.encode(again) == text, "\(value) is another after writing")
    }
    switch (bytes.first ?? 0) % 3 {
    case 0: try check(RunIdentity.self)
    case 1: try check(Endpoint.self)
    default: try check(EvaluationRecord.self)
    }
  }

  /// A checkpoint's `state.json` beside tensors that are whole.
  static let checkpoint = FuzzTarget("checkpoint", byteLimit: 1_024) { bytes in
    let tiny = try TinyRun.shared()
    try Data(bytes).write(to: URL(fileURLWithPath: tiny.statePath))
    let core = try decode(bytes, within: Budget(factor: 128, base: 8 << 20)) { _ in
      try Checkpoint.read(0, in: tiny.folder, recipe: tiny.recipe)
    }
    guard let core else { return }
    try require(core.policy.version.rawValue == 0, "checkpoint 0 is \(core.policy.version)")
  }

  /// `metrics.jsonl`; the first eight bytes are the version that the run stands at.
  static let metrics = FuzzTarget("metrics", byteLimit: 2_048) { bytes in
    let folder = try TestFolder("metrics")
    let content = Array(bytes.dropFirst(8))
    try folder.write(content, "metrics.jsonl")
    let committed = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let path = "\(folder.path)/metrics.jsonl"
    let file = try decode(content, within: .foreign) { _ in
      try MetricsFile(path: path, committed: committed)
    }
    guard let file else { return }
    let again = try MetricsFile(path: path, committed: committed)
    try require(again.lines == file.lines, "kept lines are others when they are read again")
    _ = try MetricsTable(path: "\(folder.path)/metrics.csv", lines: file.lines)
    var alarms = Alarms()
    for line in file.lines { _ = alarms.observe(line) }
    try again.append(version: committed, [.reward: 1])
  }
}

extension JSONEncoder {
  fileprivate static var sorted: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return encoder
  }
}

/// The smallest run, with one checkpoint.
struct TinyRun: Sendable {
  var recipe: Recipe
  var terms: RunTerms
  var folder: RunFolder
  var statePath: String

  private static let made = Result { try TinyRun() }

  /// `state.json` as it was written.
  static func state(_ run: TinyRun) -> [UInt8] { run.written }

  private var written: [UInt8]

  static func shared() throws -> TinyRun { try made.get() }

  private init() throws {
    var configuration = try RunConfiguration(named: "density")
    for (key, value) in [
      "model.width": "16", "model.depth": "1", "model.heads": "1",
      "model.init": "random", "group.prompts": "2", "eval.noises": "1",
    ] {
      try configuration.set(key, to: value, place: "here")
    }
    recipe = try configuration.recipe()
    // That of the recorded run in Tests/Fixtures.
    terms = configuration.terms(runID: "deb3ed2f109cdc4c018130a7cdaae97a", recipe: recipe)
    let scratch = try TestFolder("checkpoint")
    folder = RunFolder(scratch.path)
    try folder.create()
    let policy = TrainingState(base: try recipe.model.initialParameters(seed: 1), recipe: recipe)
    let core = LearnerCore(recipe: recipe, policy: policy, recent: [policy.snapshot])
    try Checkpoint.write(core, to: folder)
    statePath = "\(Checkpoint.path(of: 0, in: folder))/state.json"
    written = Array(FileManager.default.contents(atPath: statePath) ?? Data())
  }
}
