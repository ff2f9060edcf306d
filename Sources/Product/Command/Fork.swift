import ArgumentParser
import Configuration
import Foundation
import Learning
import Ledger
import Records

/// `--from RUN@VERSION`: the checkpoint from which another run begins.
struct ForkPoint: ExpressibleByArgument {
  enum Version: Hashable {
    case newest
    case best
    case number(UInt64)
  }

  let run: String
  let version: Version

  /// nil without a run. What follows the last @ is a version: a number, `latest` or `best`; a run alone
  /// stands for its newest checkpoint.
  init?(argument: String) {
    let parts = argument.split(separator: "@", omittingEmptySubsequences: false)
    let version: Version? =
      switch parts.count > 1 ? parts[parts.count - 1] : "" {
      case "latest": .newest
      case "best": .best
      case let text: UInt64(text).map(Version.number)
      }
    run = version == nil ? argument : parts.dropLast().joined(separator: "@")
    self.version = version ?? .newest
    if run.isEmpty { return nil }
  }
}

/// What a run takes over from another one: its settings, and its averaged weights at a version as version
/// 0. The reference is the same weights, or what an adapter is added to; the optimiser begins anew, and
/// `run.json` keeps the origin.
struct Fork {
  let origin: RunIdentity.Origin
  let configuration: RunConfiguration

  /// - Throws: where the run, or its checkpoint of that version, is not there or does not verify.
  init(_ point: ForkPoint) throws {
    let run = try OpenRun(existing: point.run)
    let versions = try Checkpoint.versions(in: run.folder)
    let version: UInt64? =
      switch point.version {
      case .newest: versions.last
      case .best: Checkpoint.best(in: run.folder)
      case .number(let number): number
      }
    guard let version, versions.contains(version) else {
      let kept = versions.map { "\($0)" }.joined(separator: ", ")
      throw RunFailure(
        .usage,
        "\(point.run) has no checkpoint \(version.map { "of version \($0)" } ?? "that is marked best");"
          + " it keeps \(kept.isEmpty ? "none yet" : "versions \(kept)"), and save.keep_every keeps more"
      )
    }
    let core = try Checkpoint.read(version, in: run.folder, recipe: run.recipe)
    let place = URL(fileURLWithPath: Checkpoint.path(of: version, in: run.folder))
    var configuration = run.configuration
    let average = place.standardizedFileURL.appendingPathComponent("ema.safetensors").path
    if configuration.model.adapter.form == nil {
      configuration.model.initialWeights = .file(average)
    } else {
      configuration.model.adapter.start = average
    }
    self.configuration = configuration
    origin = RunIdentity.Origin(
      run: run.folder.path, runID: run.identity.runID, version: version,
      paramsHash: "\(core.policy.paramsHash)")
  }
}
