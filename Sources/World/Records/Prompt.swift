/// What is asked of the policy: text, and the group its scores are reported under.
///
/// A judge parses the text itself, so a prompt carries nothing that a user could not have typed.
package struct Prompt: Hashable, Sendable {
  package let text: String
  /// The category of the task's grammar, such as `counting`; evaluations report one row for each.
  package let category: String

  /// What is not wanted; empty for nothing in particular.
  package let negative: String
  /// A JSON object of whatever else the user said of it, for models and rewards; empty for nothing.
  package let metadata: String

  package init(text: String, category: String, negative: String = "", metadata: String = "") {
    self.text = text
    self.category = category
    self.negative = negative
    self.metadata = metadata
  }

  /// What is asked where nothing is: the unconditional model.
  package static let none = Prompt(text: "", category: "")
}

extension Sequence<Prompt> {
  /// The categories, each once, in order of first appearance.
  package var categories: [String] {
    reduce(into: []) { if !$0.contains($1.category) { $0.append($1.category) } }
  }
}
