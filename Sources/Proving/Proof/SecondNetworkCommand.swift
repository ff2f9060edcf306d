import ArgumentParser
import Configuration
import Dialogue
import Flow
import Foundation
import Golden
import Learning
import Network
import Records
import Tasks
import Tensor

struct SecondNetworkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "second-network",
    abstract: "Compare the built-in network of `shapes` with a program that is said to compute it.",
    discussion: """
      v at 1,000 rows, the states of 100 noises at ten steps, and the gradient of a linear loss over \
      them, at the base that is shipped: as in training, and with guidance, where rounding counts w + \
      |1 − w| times. Exit code 1 if they are further apart than is allowed.

      Golden files are not asked: what velocities they have are numbers in the file or an affine field.

      Example:
        tributary-proof second-network python3 -m tributary.shapes --base shapes.safetensors
      """)

  @Argument(parsing: .captureForPassthrough, help: "A program and its arguments.")
  var words: [String] = []

  /// max |Δv|, and max |Δ ∂L/∂θ| as a share of the largest entry.
  private static let allowed = (velocity: 1e-5, gradient: 1e-4)
  private static let (noises, steps) = (100, 10)

  func validate() throws {
    guard !words.isEmpty else { throw ValidationError("name a program, such as python3 model.py") }
  }

  func run() throws {
    let configuration = try RunConfiguration(named: "shapes")
    let recipe = try configuration.resolved().recipe()
    let base = try startingWeights(of: configuration, recipe: recipe)
    var asked = configuration
    try asked.set("model.program", to: words.joined(separator: " "), place: "command line")
    let other = try asked.resolved().recipe()
    guard other.model.contract.parameters.count == base.count else {
      throw RunFailure(.usage, "its parameters are not those of the built-in network")
    }
    let session = other.model.session()
    defer { session.close() }
    let pair = SecondNetwork(
      recipe.model.session(), session, under: ParameterSet(base), prompts: recipe.task.trainPrompts)
    var isNear = true
    for guidance: Float in [1, 3] {
      let found = try pair.distance(of: Self.noises, steps: Self.steps, guidance: guidance)
      let gradient = found.gradient / found.largestGradient
      let allowed = Self.allowed.velocity * Double(guidance + abs(1 - guidance))
      Console.line(
        "w = \(Int(guidance)), \(Self.noises * Self.steps) rows: max |Δv| \(Self.brief(found.velocity))"
          + " (allowed: \(Self.brief(allowed)); max |v| \(Self.brief(found.largestVelocity))),"
          + " max |Δ gradient| \(Self.brief(gradient)) of the largest entry"
          + " (allowed: \(Self.brief(Self.allowed.gradient)))")
      isNear = isNear && found.velocity <= allowed && gradient <= Self.allowed.gradient
    }
    guard isNear else { throw RunFailure(.golden, "they are further apart than is allowed") }
  }

  private static func brief(_ value: Double) -> String { String(format: "%.1e", value) }
}
