import Foundation
import Objective
package import Records
import Rewards
import Tasks

/// The rewards that train, over the pictures of an evaluation.
package struct EvaluatedRewards: Sendable {
  /// A mean over pictures, and its standard error over prompts.
  package struct Mean: Hashable, Sendable {
    package var value: Double
    /// 0 for a single prompt.
    package var error: Double
  }

  /// Of the weighted sum.
  package let mix: Mean
  /// Of each reward, unweighted, in the recipe's order.
  package let parts: [(name: String, mean: Mean)]
  /// The mean of what the yardstick names, or else of the weighted sum, for each category.
  package let categories: [String: Double]
  /// The mean of each reward for each prompt, by name.
  let ofPrompts: [[String: Double]]

  /// - Parameter scores: `[prompt · noises][reward]`.
  package init(_ scores: [[Float]], recipe: Recipe, prompts: [Prompt], noises: Int) {
    let names = recipe.rewards.map(\.name)
    let columns = names.indices.map { part in scores.map { Double($0[part]) } }
    let sums = scores.map { recipe.algorithm.credit.mix.sum($0) }
    mix = Self.mean(sums, noises: noises)
    parts = zip(names, columns).map { ($0, Self.mean($1, noises: noises)) }
    ofPrompts = prompts.indices.map { prompt in
      let places = prompt * noises..<(prompt + 1) * noises
      return Dictionary(uniqueKeysWithValues: zip(names, columns.map { Self.mean($0[places]) }))
    }
    var shown = sums
    if case .part(let name) = recipe.yardstick.kind, let place = names.firstIndex(of: name) {
      shown = columns[place]
    }
    categories = Dictionary(
      uniqueKeysWithValues: prompts.categories.map { category in
        let places = prompts.indices.filter { prompts[$0].category == category }
        let values = places.flatMap { shown[$0 * noises..<($0 + 1) * noises] }
        return (category, Self.mean(values[...]))
      })
  }

  /// The number that ranks versions; nil where it is none of the rewards.
  package subscript(yardstick: Yardstick) -> Mean? {
    switch yardstick.kind {
    case .mix: mix
    case .part(let name): parts.first { $0.name == name }?.mean
    case .judges, .soft, .strict, .heldOut: nil
    }
  }

  private static func mean(_ values: ArraySlice<Double>) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }

  private static func mean(_ values: [Double], noises: Int) -> Mean {
    let means = stride(from: 0, to: values.count, by: noises).map {
      mean(values[$0..<min($0 + noises, values.count)])
    }
    let centre = mean(means[...])
    let squares = means.reduce(0) { $0 + ($1 - centre) * ($1 - centre) }
    let count = Double(means.count)
    return Mean(
      value: mean(values[...]), error: count > 1 ? (squares / (count - 1) / count).squareRoot() : 0)
  }
}
