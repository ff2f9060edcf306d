import Ledger
package import Records

/// `task.train_prompts` and `task.eval_prompts`: where a run's prompts are from.
package enum PromptSetting: Hashable, Sendable {
  /// `auto`: the task's own.
  case own
  /// The prompts themselves, one a line.
  case written(String)
  /// One of the configuration's lists; see ``PromptList``.
  case list(Digest)
  case file(String)

  package init(_ text: String) {
    self =
      if text == "auto" {
        .own
      } else if let digest = PromptList.digest(namedBy: text) {
        .list(digest)
      } else if text.contains(where: \.isNewline) {
        .written(text)
      } else {
        .file(text)
      }
  }

  package var text: String {
    get {
      switch self {
      case .own: "auto"
      case .written(let text): text
      case .list(let digest): PromptList.setting(of: digest)
      case .file(let path): path
      }
    }
    set { self = PromptSetting(newValue) }
  }
}
