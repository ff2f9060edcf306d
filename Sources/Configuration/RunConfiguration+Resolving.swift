import Records
import Rewards
import Tasks

extension RunConfiguration {
  /// The configuration with nothing left to look up, as runs keep and actors receive it: the prompts
  /// themselves in the place of files, and programs by their full paths.
  package func resolved() throws(ConfigurationError) -> RunConfiguration {
    guard let task = Tasks.task(named: task) else { return self }
    var resolved = self
    if let prompts = try prompts(in: \.trainPrompts, named: "task.train_prompts", for: task) {
      resolved.trainPrompts = PromptFile.text(of: prompts)
    }
    if let prompts = try prompts(in: \.evaluationPrompts, named: "task.eval_prompts", for: task) {
      resolved.evaluationPrompts = PromptFile.text(of: prompts)
    }
    for index in rewards.indices { resolved.rewards[index].source.locate() }
    return resolved
  }

  /// The prompts of a setting: nil for `auto`, else those of a file, or of the setting itself if it
  /// has a line break.
  func prompts(
    in field: KeyPath<RunConfiguration, String>, named name: String, for task: some Task
  ) throws(ConfigurationError) -> [Prompt]? {
    let text = self[keyPath: field]
    if text == "auto" { return nil }
    do throws(PromptFileError) {
      return text.contains(where: \.isNewline)
        ? try PromptFile.prompts(of: text, file: name, for: task)
        : try PromptFile.prompts(in: text, for: task)
    } catch {
      throw .prompts("\(name): \(error)")
    }
  }
}
