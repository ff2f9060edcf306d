package import Records

/// The shape world: six kinds of prompts in the manner of GenEval, a latent of five object tokens,
/// a fixed renderer as its decoder, and two judges that see only pixels and prompt.
///
/// - Source: the categories are those of GenEval, arXiv:2310.11513.
package struct Shapes: Task {
  package let name = "shapes"
  package let summary = "scenes of circles, squares and triangles, GenEval's six kinds of prompts"
  package let latentTokens = 5
  package let latentChannels = Figure.channels
  package let longestPrompt = 5
  package let vocabulary: [String]
  package var trainPrompts: [Prompt]
  package var heldOutPrompts: [Prompt]

  /// Pixels along one side of the picture that is judged.
  static let judgedSide = 32

  private let wordIndices: [String: Int32]
  /// Every request by its canonical text, so that judging parses nothing.
  private let requests: [String: Request]

  package init() {
    let shapes = Shape.allCases
    vocabulary =
      ["<none>"] + shapes.map(\.word) + shapes.map(\.plural) + Colour.allCases.map(\.word)
      + Request.countWords + ["and"] + Relation.allCases.map(\.word)
    wordIndices = Dictionary(
      uniqueKeysWithValues: vocabulary.enumerated().map { ($1, Int32($0)) })
    trainPrompts = Request.train.map(\.prompt)
    heldOutPrompts = Request.heldOut.map(\.prompt)
    requests = Dictionary(
      uniqueKeysWithValues: Category.allCases.flatMap { Request.all(of: $0) }.map { ($0.text, $0) })
  }

  package func prompt(parsing text: String) throws(PromptError) -> Prompt {
    try Grammar.request(parsing: text).prompt
  }

  /// The words of the prompt without "a photo of" and articles; `[0]` for the empty prompt.
  package func tokens(of prompt: Prompt) -> [Int32] {
    guard !prompt.text.isEmpty else { return [0] }
    return request(of: prompt).words.map { word in
      guard let index = wordIndices[word] else {
        preconditionFailure("\"\(word)\" is a word of the grammar and not of the vocabulary")
      }
      return index
    }
  }

  package func reward(_ latent: [Float], for prompt: Prompt) -> Float {
    Verdict(on: picture(of: latent, side: Self.judgedSide), for: request(of: prompt)).soft
  }

  package func score(_ latent: [Float], for prompt: Prompt) -> Score {
    let request = request(of: prompt)
    let picture = picture(of: latent, side: Self.judgedSide)
    let verdict = Verdict(on: picture, for: request)
    return Score(
      soft: verdict.soft, strict: verdict.strict,
      heldOut: TemplateJudge.score(of: picture, for: request))
  }

  package func reasons(_ latent: [Float], for prompt: Prompt) -> [String] {
    Verdict(on: picture(of: latent, side: Self.judgedSide), for: request(of: prompt)).reasons
  }

  package func example(
    of prompt: Prompt, using generator: inout some RandomNumberGenerator
  ) -> [Float] {
    Layout(of: request(of: prompt), using: &generator)
      .latent(tokens: latentTokens, using: &generator)
  }

  package func picture(of latent: [Float], side: Int) -> Picture {
    precondition(
      latent.count == latentTokens * latentChannels,
      "a latent of shapes has 50 numbers, not \(latent.count)")
    return Renderer.picture(of: latent, side: side)
  }

  package func measures(of results: [(prompt: Prompt, latent: [Float])]) -> Measures {
    var tally = ShapesTally()
    for result in results { tally.add(result.latent, for: request(of: result.prompt)) }
    return tally.measures
  }

  /// - Precondition: the prompt is of this task's language.
  private func request(of prompt: Prompt) -> Request {
    if let request = requests[prompt.text] { return request }
    do {
      return try Grammar.request(parsing: prompt.text)
    } catch {
      preconditionFailure("\"\(prompt.text)\" is no prompt of shapes: \(error)")
    }
  }
}
