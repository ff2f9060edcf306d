import Configuration
import Foundation
import Roles

/// The runs of a sweep, and what of them is done.
struct SweepPlan {
  struct Run {
    /// The preset, or the file's name without its ending.
    var name: String
    /// As `train` takes it.
    var preset: String
    var seed: UInt64
    var folder: RunFolder
    /// The version that it is to end with.
    var updates: UInt64

    var title: String { "\(name) seed \(seed)" }

    /// Whether nothing is left to do: the last checkpoint is written after the last evaluation.
    var isFinished: Bool {
      guard let newest = try? Checkpoint.versions(in: folder).last, newest >= updates else {
        return false
      }
      return FileManager.default.fileExists(atPath: folder.evaluation(of: newest))
    }

    /// The version of the newest committed update that left its numbers.
    var version: UInt64 { UInt64(folder.newestUpdate?["version"] ?? 0) }
  }

  let folder: String
  let runs: [Run]

  /// Checks every configuration, and every run that was begun, before anything is started.
  init(presets: [String], seeds: SeedRange, updates: Int?, changes: [Change], folder: String) throws
  {
    self.folder = folder
    var runs: [Run] = []
    var names: [String: String] = [:]
    for preset in presets {
      let name = URL(fileURLWithPath: preset).deletingPathExtension().lastPathComponent
      if let other = names.updateValue(preset, forKey: name) {
        throw RunFailure(
          .usage,
          other == preset
            ? "\(preset) is named twice"
            : "\(other) and \(preset) would both lie in \(folder)/\(name); rename one of the files")
      }
      for seed in seeds.seeds {
        var asked = try RunConfiguration(named: preset)
        try asked.apply(changes)
        asked.seed = seed
        asked = try asked.resolved()
        if seed == seeds.seeds.lowerBound {
          _ = try startingWeights(of: asked, recipe: asked.recipe())
        }
        let place = RunFolder("\(folder)/\(name)/seed-\(seed)")
        try Self.check(place, against: asked)
        runs.append(
          Run(
            name: name, preset: preset, seed: seed, folder: place,
            updates: UInt64(updates ?? asked.updates)))
      }
    }
    self.runs = runs
  }

  private static func check(_ place: RunFolder, against asked: RunConfiguration) throws {
    guard place.exists else { return }
    let saved = try RunConfiguration(savedIn: place)
    let differences = asked.numericalDifferences(from: saved)
    guard differences.isEmpty else {
      throw RunFailure(
        .usage,
        "\(place.path) was started with other numbers: \(differences.joined(separator: ", ")). Sweep"
          + " --into another folder, or leave these changes out")
    }
  }
}
