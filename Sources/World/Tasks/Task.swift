package import Records

/// What a policy is asked to generate, and how the result is judged.
///
/// A latent is `[tokens, channels]`, row-major float32. A judge sees only the decoded picture and
/// the prompt's text. Everything here is a pure function, so a unit of work stays one.
package protocol Task: Sendable {
  var name: String { get }
  /// Whether it has judges of its own; without them rewards are programs or servers, and what judges say
  /// is nowhere told.
  var isJudged: Bool { get }
  /// One line for a list of tasks.
  var summary: String { get }
  var latentTokens: Int { get }
  var latentChannels: Int { get }
  /// The closed word list; a prompt's tokens are indices into it. Word 0 stands for "no prompt".
  var vocabulary: [String] { get }
  /// The largest number of tokens a prompt may have.
  var longestPrompt: Int { get }
  /// The prompts that reinforcement and pre-training draw from.
  var trainPrompts: [Prompt] { get set }
  /// The prompts of evaluations; some of their combinations never occur in training.
  var heldOutPrompts: [Prompt] { get set }

  /// The prompt with this text, or an error that says which word or phrase is not understood.
  func prompt(parsing text: String) throws(PromptError) -> Prompt

  /// The word indices of a prompt, 1 ... `longestPrompt` of them.
  func tokens(of prompt: Prompt) -> [Int32]

  /// The training reward of one final latent: the soft score alone, without what only evaluations
  /// need.
  func reward(_ latent: [Float], for prompt: Prompt) -> Float

  /// The scores of one final latent.
  func score(_ latent: [Float], for prompt: Prompt) -> Score

  /// Why the strict score is what it is, such as "2 circles found, 3 asked"; empty if all is met.
  func reasons(_ latent: [Float], for prompt: Prompt) -> [String]

  /// A latent whose picture satisfies the prompt; what the prompt leaves open is drawn evenly.
  func example(of prompt: Prompt, using generator: inout some RandomNumberGenerator) -> [Float]

  /// The decoded picture, `side` × `side` pixels.
  func picture(of latent: [Float], side: Int) -> Picture

  /// All results in one picture with what was asked of them, for a task whose results are points; nil
  /// where each is a picture of its own.
  func plot(of results: [(prompt: Prompt, latent: [Float])], side: Int) -> Picture?

  /// How varied and how tidy many results are. Diversity measures are in 0...1, 1 the most varied.
  func measures(of results: [(prompt: Prompt, latent: [Float])]) -> Measures
}

extension Task {
  package func reward(_ latent: [Float], for prompt: Prompt) -> Float {
    score(latent, for: prompt).soft
  }

  package var isJudged: Bool { true }

  package func plot(of results: [(prompt: Prompt, latent: [Float])], side: Int) -> Picture? { nil }
}

/// The scores of one picture.
package struct Score: Hashable, Sendable {
  /// The training reward, 0...1: the share of satisfied conditions.
  package var soft: Float
  /// Whether every condition is met and nothing else is there.
  package var strict: Bool
  /// The reward of a second judge that shares no code with the first, 0...1.
  package var heldOut: Float

  package init(soft: Float, strict: Bool, heldOut: Float) {
    self.soft = soft
    self.strict = strict
    self.heldOut = heldOut
  }
}

/// What is watched beside the reward.
package struct Measures: Sendable {
  package var diversity: [String: Double]
  /// The share of objects that reach over the edge of the canvas.
  package var offCanvas: Double

  package init(diversity: [String: Double], offCanvas: Double) {
    self.diversity = diversity
    self.offCanvas = offCanvas
  }
}

/// A prompt that the task's grammar does not understand.
package struct PromptError: Error, Hashable, CustomStringConvertible {
  package var description: String

  package init(_ description: String) { self.description = description }
}
