import Foundation
import Learning
package import Ledger
package import Records
import Rewards
import Tasks

extension RunConfiguration {
  /// Of a list that stands in the configuration itself, where people read it.
  static let shortList = 16_384

  /// The configuration with nothing left to look up, as runs keep and actors receive it: prompts or
  /// their digest in the place of files, programs by their full paths, and with what a model's program
  /// says of itself.
  package func resolved() throws(ConfigurationError) -> RunConfiguration {
    let task = task.task()
    var resolved = self
    try resolved.resolvePrompts(\.trainPrompts, named: "task.train_prompts", for: task)
    try resolved.resolvePrompts(\.evaluationPrompts, named: "task.eval_prompts", for: task)
    for index in scoring.rewards.indices { resolved.scoring.rewards[index].source.locate() }
    if let fault = scoring.rewards.compactMap(\.source.addressFault).first {
      throw .impossible(fault)
    }
    try resolved.resolveModel()
    try resolved.resolveBase()
    return resolved
  }

  /// Whether a file would have to be read to know the prompts; never after ``resolved()``.
  package var namesPromptFiles: Bool {
    [trainPrompts, evaluationPrompts].contains { if case .file = $0 { true } else { false } }
  }

  private mutating func resolvePrompts(
    _ field: WritableKeyPath<RunConfiguration, PromptSetting>, named name: String,
    for task: some Task
  ) throws(ConfigurationError) {
    guard let prompts = try prompts(in: field, named: name, for: task) else { return }
    let limit: Int
    switch self[keyPath: field] {
    case .own, .list: return
    case .file: limit = Self.shortList
    // What was written into the configuration stays there as long as it fits.
    case .written: limit = .max
    }
    let list = PromptList(prompts)
    self[keyPath: field] = .written(String(decoding: list.bytes, as: UTF8.self))
    guard list.bytes.count > limit || !fitsActors else { return }
    self[keyPath: field] = .list(list.digest)
    if !promptLists.contains(list) { promptLists.append(list) }
  }

  /// Whether actors can be sent the configuration.
  var fitsActors: Bool { yaml.utf8.count <= RunTerms.configurationLimit }

  /// The prompts of a setting; nil for the task's own.
  func prompts(
    in field: KeyPath<RunConfiguration, PromptSetting>, named name: String, for task: some Task
  ) throws(ConfigurationError) -> [Prompt]? {
    let setting = self[keyPath: field]
    do throws(PromptFileError) {
      switch setting {
      case .own: return nil
      case .written(let text):
        return try PromptFile.prompts(of: Array(text.utf8), file: name, for: task)
      case .file(let path): return try PromptFile.prompts(in: path, for: task)
      case .list(let digest):
        if let list = promptLists.first(where: { $0.digest == digest }) { return list.prompts }
      }
    } catch {
      throw .prompts("\(name): \(error)")
    }
    throw .prompts(
      "\(name): \(setting.text) is not beside the configuration; copy the folder prompts of the run"
        + " that it comes from, or name a file of prompts")
  }

  /// Reads the lists that the settings name and that lie beside a configuration file.
  ///
  /// - Parameter folder: where the configuration lies.
  package mutating func readPromptLists(beside folder: String) throws(ConfigurationError) {
    let task = task.task()
    for setting in [trainPrompts, evaluationPrompts] {
      let path = "\(folder)/\(setting.text)"
      guard case .list(let digest) = setting,
        !promptLists.contains(where: { $0.digest == digest }),
        FileManager.default.fileExists(atPath: path)
      else { continue }
      do throws(PromptFileError) {
        promptLists.append(
          try PromptList(try PromptFile.bytes(of: path), as: digest, for: task, from: path))
      } catch {
        throw .prompts("\(error)")
      }
    }
  }

  /// Takes in what an actor needs of the lists that its learner sent: that of held-out prompts where actors
  /// make evaluations.
  ///
  /// - Returns: the digest of a list that is still to come.
  package mutating func takePromptLists(_ lists: [Digest: [UInt8]]) throws(ConfigurationError)
    -> Digest?
  {
    if evaluation.place == .learner, case .list = evaluationPrompts { evaluationPrompts = .own }
    promptLists = []
    for setting in [trainPrompts, evaluationPrompts] {
      guard case .list(let digest) = setting,
        !promptLists.contains(where: { $0.digest == digest })
      else { continue }
      guard let bytes = lists[digest] else { return digest }
      do throws(PromptFileError) {
        promptLists.append(
          try PromptList(bytes, as: digest, for: task.task(), from: setting.text))
      } catch {
        throw .prompts("\(error)")
      }
    }
    return nil
  }

  /// The lists that the settings name.
  package var namedPromptLists: [PromptList] {
    promptLists.filter { [trainPrompts, evaluationPrompts].contains(.list($0.digest)) }
  }

  /// Says the prompts as another configuration does, where they are the same: in full or by digest.
  package mutating func spellPrompts(as other: RunConfiguration) {
    for field in [\RunConfiguration.trainPrompts, \.evaluationPrompts]
    where promptIdentity(field) == other.promptIdentity(field) {
      self[keyPath: field] = other[keyPath: field]
    }
    for list in other.promptLists where !promptLists.contains(list) { promptLists.append(list) }
  }

  /// The same for two settings of the same prompts, however they are said; files stand for themselves.
  func promptIdentity(_ field: KeyPath<RunConfiguration, PromptSetting>) -> PromptSetting {
    guard case .written = self[keyPath: field],
      let prompts = try? prompts(in: field, named: "", for: task.task())
    else { return self[keyPath: field] }
    return .list(PromptList(prompts).digest)
  }
}
