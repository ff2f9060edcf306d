import Foundation
package import Records

/// Prompts that are any text: what is made of them is a model's own business, and who judges it the run's.
///
/// It has no prompts, no judge and no pictures of its own.
package struct OpenPrompts: Task {
  package let name = "prompts"
  package let summary =
    "prompts from a file, for a model that is a program and rewards of one's own"
  package let latentTokens: Int
  package let latentChannels = 1
  package let vocabulary: [String] = []
  package let longestPrompt = 0
  package let isJudged = false
  package var trainPrompts: [Prompt] = []
  package var heldOutPrompts: [Prompt] = []

  /// - Parameter latentCount: D of the model; 0 where it is not known yet.
  package init(latentCount: Int = 0) { latentTokens = latentCount }

  package func prompt(parsing text: String) throws(PromptError) -> Prompt {
    let text = text.trimmingCharacters(in: Self.margins)
    guard Self.isLine(text) else {
      throw PromptError("a prompt is one line without control characters")
    }
    guard !text.isEmpty else { throw PromptError("a prompt has at least one character") }
    return Prompt(text: text, category: "prompts")
  }

  /// What is no part of a text at its ends, wherever it stands: blanks, and the mark of byte order, which
  /// readers take away.
  private static let margins = CharacterSet.whitespaces.union(
    CharacterSet(charactersIn: "\u{feff}"))

  /// Whether a text has nothing that ends a line, and no other control character.
  static func isLine(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy {
      $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value)
        && !(0x2028...0x2029).contains($0.value)
    }
  }

  package func tokens(of prompt: Prompt) -> [Int32] { [] }

  package func score(_ latent: [Float], for prompt: Prompt) -> Score {
    Score(soft: 0, strict: false, heldOut: 0)
  }

  package func reasons(_ latent: [Float], for prompt: Prompt) -> [String] { [] }

  /// Zeros: there is nothing that it is sure to like.
  package func example(of prompt: Prompt, using generator: inout some RandomNumberGenerator)
    -> [Float]
  {
    [Float](repeating: 0, count: latentTokens)
  }

  /// A grey field: the latents of a model that decodes none of them mean nothing to anybody else.
  package func picture(of latent: [Float], side: Int) -> Picture {
    Picture(
      width: side, height: side, pixels: [UInt8](repeating: 128, count: side * side * 3))
  }

  /// The mean distance of two results of one prompt, over √D, as d / (1 + d).
  package func measures(of results: [(prompt: Prompt, latent: [Float])]) -> Measures {
    var (sum, count) = (0.0, 0)
    for group in Dictionary(grouping: results, by: \.prompt).values {
      for (place, one) in group.enumerated() {
        for other in group[..<place] {
          let squares = zip(one.latent, other.latent).reduce(0.0) { sum, pair in
            sum + Double(pair.0 - pair.1) * Double(pair.0 - pair.1)
          }
          sum += (squares / Double(max(one.latent.count, 1))).squareRoot()
          count += 1
        }
      }
    }
    guard count > 0 else { return Measures(diversity: [:], offCanvas: 0) }
    let distance = sum / Double(count)
    return Measures(diversity: ["latents": distance / (1 + distance)], offCanvas: 0)
  }
}
