import Configuration
import Dialogue
import Foundation
import Ledger
import Records

/// The runs of a sweep, and what of them is done.
struct SweepPlan {
  struct Run {
    /// The preset, or the file's name without its ending, and what the grid changes in it.
    var name: String
    /// As `train` takes it, with what the command line changes.
    var preset: String
    var changes: [Change]
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
  init(
    presets: [String], seeds: SeedRange, grid: [GridAxis], updates: Int?, changes: [Change],
    folder: String
  ) throws {
    self.folder = folder
    let combinations = GridAxis.combinations(of: grid)
    let (count, isTooLarge) = seeds.seeds.count.multipliedReportingOverflow(
      by: presets.count * combinations.count)
    guard !isTooLarge, count <= Self.runLimit else {
      throw RunFailure(
        .usage, "the sweep would have more than \(Self.runLimit) runs; use fewer values or seeds")
    }
    var runs: [Run] = []
    var names: [String: String] = [:]
    for (preset, combination) in presets.flatMap({ preset in combinations.map { (preset, $0) } }) {
      let changes = changes + combination
      let name = try Self.name(of: preset, combination)
      if let other = names.updateValue(preset, forKey: name) {
        throw RunFailure(
          .usage,
          other == preset
            ? "\(name) would come twice"
            : "\(other) and \(preset) would both be in \(folder)/\(name); rename one of the files")
      }
      for seed in seeds.seeds {
        var asked = try RunConfiguration(named: preset)
        try asked.apply(changes)
        asked.seed = seed
        asked = try asked.resolved()
        if seed == seeds.seeds.lowerBound {
          _ = try RunStart(of: asked, startsPrograms: true)
        }
        let place = RunFolder("\(folder)/\(name)/seed-\(seed)")
        try Self.check(place, against: asked)
        runs.append(
          Run(
            name: name, preset: preset, changes: changes, seed: seed, folder: place,
            updates: UInt64(updates ?? asked.updates)))
      }
    }
    self.runs = runs
  }

  private static let runLimit = 10_000

  /// `shapes`, or `shapes,loss.kl.beta=0.1`: also the name of a folder.
  private static func name(of preset: String, _ combination: [Change]) throws -> String {
    let base = URL(fileURLWithPath: preset).deletingPathExtension().lastPathComponent
    let name = ([base] + combination.map { "\($0.key)=\($0.value)" }).joined(separator: ",")
      .replacing("/", with: "_")
    guard name.utf8.count <= 200 else {
      throw RunFailure(
        .usage, "\(name.prefix(60))… is too long for a folder's name; use files for such values")
    }
    return name
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
