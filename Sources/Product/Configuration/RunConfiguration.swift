package import Ledger
package import Models
package import Tasks

/// Every setting of a run, with its defaults: the preset `shapes`.
///
/// ``keys`` gives each one its YAML name, its meaning and its range.
package struct RunConfiguration: Hashable, Sendable {
  package var task = TaskName.shapes
  package var trainPrompts = PromptSetting.own
  package var evaluationPrompts = PromptSetting.own
  /// The lists that settings name by their digests; see ``PromptList``.
  package var promptLists: [PromptList] = []
  package var model = ModelSettings()
  /// What the model's program says of itself in full, once it is known.
  package var programContract: ProgramContract?
  /// What the adapter of the built-in network is added to, once it is known.
  package var frozenBase: KnownBase?
  package var sample = SampleSettings()
  package var group = GroupSettings()
  package var window = WindowSettings()
  package var scoring = ScoringSettings()
  package var advantage = AdvantageSettings()
  package var loss = LossSettings()
  package var optimizer = OptimizerSettings()
  package var schedule = ScheduleSettings()
  package var evaluation = EvaluationSettings()
  package var storage = StorageSettings()
  package var launch = LaunchSettings()
  package var updates = 60
  package var seed: UInt64 = 1

  package init() {}
}
