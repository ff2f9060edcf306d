package import Flow
package import Records
import Tensor

/// Two models that are said to be one function, asked the same.
package struct SecondNetwork {
  /// How far apart they are under one w of guidance.
  package struct Distance: Sendable {
    package var guidance: Float
    /// max |Δv|, and max |v|.
    package var velocity = 0.0
    package var largestVelocity = 0.0
    /// max |Δ ∂L/∂θ|, and max |∂L/∂θ|.
    package var gradient = 0.0
    package var largestGradient = 0.0
  }

  private let first: any ModelSession
  private let second: any ModelSession
  private let parameters: ParameterSet
  private let prompts: [Prompt]
  private let noise = Philox(seed: 1)

  /// - Precondition: both have the same D and read the same θ.
  package init(
    _ first: any ModelSession, _ second: any ModelSession, under parameters: ParameterSet,
    prompts: [Prompt]
  ) {
    precondition(first.latentCount == second.latentCount, "two sizes of latents")
    self.first = first
    self.second = second
    self.parameters = parameters
    self.prompts = prompts
  }

  /// Compares at the states of `count` noises on their way by Euler's steps of the first model: v, and the
  /// gradient of L = Σ s·v / rows over all of them, with s from N(0, 1).
  package func distance(of count: Int, steps: Int, guidance: Float) throws(ModelFailure) -> Distance
  {
    var distance = Distance(guidance: guidance)
    let grid = SigmaGrid.linear(steps: steps)
    let gradients = [0, 1].map { _ in Buffer(count: parameters.buffer.count) }
    var states = normals(.initialNoise, step: 0, rows: count)
    for step in 0..<steps {
      let rows = ModelRows(
        states: states, sigmas: Array(repeating: grid.sigmas[step], count: count),
        prompts: (0..<count).map { prompts[$0 % prompts.count] },
        rowsOfPrompt: Array(repeating: 1, count: count), guidance: Guidance(scale: guidance))
      let slopes = Slab(
        normals(.branchNoise, step: step, rows: count).map { $0 / Float(count * steps) },
        columns: first.latentCount)
      var answers: [[Float]] = []
      for (session, gradient) in zip([first, second], gradients) {
        try session.pullBack(at: rows, under: parameters, addingTo: gradient) { v in
          answers.append(v.scalars)
          return slopes
        }
      }
      let (largest, apart) = Self.largest(answers[0], answers[1])
      distance.largestVelocity = max(distance.largestVelocity, largest)
      distance.velocity = max(distance.velocity, apart)
      states = zip(states, answers[0]).map { $0 - grid.length(ofStep: step) * $1 }
    }
    (distance.largestGradient, distance.gradient) = Self.largest(
      gradients[0].scalars, gradients[1].scalars)
    return distance
  }

  private func normals(_ purpose: Purpose, step: Int, rows: Int) -> [Float] {
    (0..<rows).flatMap {
      noise.normals(
        at: NoiseAddress(unit: UInt64($0), purpose: purpose, step: step), count: first.latentCount)
    }
  }

  /// max |a|, and max |a − b|.
  private static func largest(_ a: [Float], _ b: [Float]) -> (Double, Double) {
    var (largest, apart) = (0.0, 0.0)
    for (x, y) in zip(a, b) {
      largest = max(largest, abs(Double(x)))
      apart = max(apart, abs(Double(x) - Double(y)))
    }
    return (largest, apart)
  }
}
