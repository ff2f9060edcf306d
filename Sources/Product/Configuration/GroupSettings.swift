package import Flow
import Foundation
package import Objective

/// `group.*`: what is sampled in an update, and which of it is compared and trained.
package struct GroupSettings: Hashable, Sendable {
  package var prompts = 12
  package var seeds = 2
  package var branches = 8
  package var branchSteps = "0..7"
  package var origin = BranchingPlan.Origin.trunk
  package var trunks = 1
  package var sharesNoise = false
  package var splitSteps = "all"
  package var splitStrength = 0.0
  package var trainedShare = 1.0
  package var pruning = Pruning.none

  static let keys: [Key] = [
    .integer("group.prompts", \.group.prompts, 1...4096, "Prompts of one update."),
    .integer("group.seeds", \.group.seeds, 1...1024, "Seeds of each prompt; one unit each."),
    .integer("group.branches", \.group.branches, 1...4095, "K: branches of each branching point."),
    .text(
      "group.branch_steps", \.group.branchSteps,
      "The steps that branch, such as 0..7, or none: then the trunks themselves are judged."),
    .later(
      .choice(
        "group.from", \.group.origin,
        "What a branching step starts from: the trunk, or every branch of the step before.")),
    .later(
      .integer(
        "group.trunks", \.group.trunks, 1...1024,
        "Trunks of one unit, each from a noise of its own; an actor samples them together.")),
    .later(
      .flag(
        "group.shared_noise", \.group.sharesNoise, "All trunks of a prompt begin at one noise.")),
    .later(
      .list(
        "group.split_steps", \.group.splitSteps,
        "The branching steps with group.branches branches, such as 0,3,6; the others have 1.")),
    .later(
      .number(
        "group.split_strength", \.group.splitStrength, 0...1000,
        "How far branches of one state lie from the noise that they share; 0: they share none.")),
    .later(
      .number(
        "group.trained_share", \.group.trainedShare, 0.001...1,
        "The share of a unit's branching states that is trained, drawn for each unit.")),
    .later(
      .choice(
        "group.prune", \.group.pruning,
        "Which branches are trained: all, or those of each unit's best and worst outcome.")),
  ]

  var splitNoise: SplitNoise? {
    splitStrength > 0 ? .correlated(strength: Float(splitStrength)) : nil
  }

  /// The steps that draw noise, of so many.
  func branchRange(of steps: Int) throws(ConfigurationError) -> Range<Int> {
    if branchSteps == "none" { return 0..<0 }
    let bounds = branchSteps.components(separatedBy: "..").map { Int($0) }
    guard bounds.count == 2, let first = bounds[0], let last = bounds[1], first >= 0, first <= last,
      last < steps
    else {
      throw .impossible(
        "group.branch_steps is \(branchSteps); allowed is none, or FIRST..LAST within 0..\(steps - 1)"
          + " (sample.steps \(steps))")
    }
    return first..<last + 1
  }

  /// K at each of so many steps.
  func branches(at range: Range<Int>, of steps: Int) throws(ConfigurationError) -> [Int] {
    let splits = try splits(in: range)
    return (0..<steps).map { range.contains($0) ? splits.contains($0) ? branches : 1 : 0 }
  }

  private func splits(in range: Range<Int>) throws(ConfigurationError) -> Set<Int> {
    if splitSteps == "all" { return Set(range) }
    let steps = splitSteps.split(separator: ",").map {
      Int($0.trimmingCharacters(in: .whitespaces))
    }
    guard !steps.isEmpty, steps.allSatisfy({ $0.map(range.contains) ?? false }) else {
      throw .impossible(
        "group.split_steps is \(splitSteps); allowed is all, or steps of group.branch_steps"
          + " \(branchSteps), such as \(range.lowerBound),\(max(range.upperBound - 1, 0))")
    }
    return Set(steps.compactMap(\.self))
  }
}
