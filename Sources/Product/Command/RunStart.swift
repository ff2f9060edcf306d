import Configuration
import Dialogue
import Learning
import Models
import Network
import Records
import Rewards
import Tensor

/// What a new run begins with, after every check that needs no run folder.
///
/// `train`, its `--dry-run`, `config check` and `sweep` ask here alone: none of them passes what another
/// refuses.
struct RunStart {
  let recipe: Recipe
  /// θ at version 0.
  let base: Buffer

  /// - Parameters:
  ///   - source: where the configuration is from; a run there has parameters of its own.
  ///   - startsPrograms: whether this machine is to start the programs of rewards.
  /// - Throws: a sentence on the first obstacle.
  init(
    of configuration: RunConfiguration, from source: ConfigurationSource? = nil,
    startsPrograms: Bool
  ) throws {
    recipe = try configuration.recipe()
    base =
      try source?.base(of: configuration, recipe: recipe)
      ?? startingWeights(of: configuration, recipe: recipe)
    try recipe.checkPrograms(ofActors: startsPrograms)
  }

  /// Seconds that the self-checks of a start may take.
  private static let patience = 10.0

  /// The self-checks.
  ///
  /// - Throws: a `mismatch` that names those that failed.
  func examine(_ show: (Doctor.Finding) -> Void = { _ in }) throws {
    let doctor = Doctor(recipe, base: base)
    // What a program does is not known yet; of one that is no function nothing else can be told.
    if recipe.model is ModelProgram {
      let findings = try doctor.examineModel()
      for finding in findings { show(finding) }
      try Doctor.Finding.requireHealth(findings)
    }
    let findings = try doctor.examine(within: Self.patience)
    for finding in findings { show(finding) }
    try Doctor.Finding.requireHealth(findings)
  }
}

extension Recipe {
  /// Programs of rewards are started by local actors, and by the evaluations of a learner.
  ///
  /// - Throws: a sentence on the first that cannot be started on this machine.
  func checkPrograms(ofActors: Bool) throws {
    guard ofActors || evaluationAsksRewards, let obstacle = rewards.compactMap(\.obstacle).first
    else { return }
    throw RunFailure(
      .usage,
      obstacle
        + (ofActors
          ? "" : "; evaluations ask it on this machine, too, unless --set eval.rewards=false"))
  }
}
