import TestSupport
import Testing

/// A short run of the test bed, `density`, by real processes.
enum DensityRun {
  static let updates = 12

  static func train(
    _ run: String, actors: Int = 2, updates: Int = updates, in folder: ScratchFolder,
    more: [String] = []
  ) throws -> Tributary.Outcome {
    try Tributary.run(arguments(run, actors: actors, updates: updates) + more, in: folder)
  }

  static func arguments(_ run: String, actors: Int = 2, updates: Int = updates) -> [String] {
    [
      "train", "density", "--run", run, "--actors", "\(actors)", "--updates", "\(updates)",
      "--json",
    ]
  }

  /// The hash of an undisturbed run, computed once.
  static let reference: Result<String, any Error> = Result {
    let folder = try ScratchFolder()
    let outcome = try train(folder.file("run"), in: folder)
    guard outcome.status == 0, let hash = outcome.json["params_hash"] as? String else {
      throw Failure(description: outcome.errors)
    }
    return hash
  }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }
}
