extension RunConfiguration {
  /// All settings, in the order of the resolved file.
  package static let keys: [Key] = Array(
    [
      taskKeys, ModelSettings.keys, AdapterSettings.keys, SampleSettings.keys, GroupSettings.keys,
      WindowSettings.keys, ScoringSettings.keys, AdvantageSettings.keys, LossSettings.keys,
      OptimizerSettings.keys, ScheduleSettings.keys, EvaluationSettings.keys, StorageSettings.keys,
      LaunchSettings.keys, runKeys,
    ].joined())

  private static let taskKeys: [Key] = [
    .choice("task.name", \.task, "What is generated and judged."),
    .text(
      "task.train_prompts", \.trainPrompts.text,
      "auto, or a file of prompts to train on: lines of text, or .jsonl with a field prompt."),
    .text(
      "task.eval_prompts", \.evaluationPrompts.text, decidesNumbers: false,
      "auto, or a file of prompts to evaluate on."),
  ]

  private static let runKeys: [Key] = [
    .integer(
      "updates", \.updates, 0...100_000_000, decidesNumbers: false,
      "Updates of the run unless --updates says otherwise."),
    .seed,
  ]

  /// Every key with its present value and its meaning, for people.
  package var settings: [(path: String, value: String, meaning: String)] {
    Self.keys.map { ($0.path, $0.read(self), $0.meaning) }
  }
}
