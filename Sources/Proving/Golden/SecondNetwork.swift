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

  /// Rows of one call.
  private static let rowsOfCall = 250

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

  /// Compares v at `count` rows, and the gradient of L = Σ s·v / count over all of them with s from N(0, 1).
  package func distance(rows count: Int, guidance: Float) throws(ModelFailure) -> Distance {
    var distance = Distance(guidance: guidance)
    let gradients = [0, 1].map { _ in Buffer(count: parameters.buffer.count) }
    for start in stride(from: 0, to: count, by: Self.rowsOfCall) {
      let places = start..<min(start + Self.rowsOfCall, count)
      let rows = rows(places, guidance: guidance)
      let slopes = Slab(
        normals(.branchNoise, places).map { $0 / Float(count) }, columns: first.latentCount)
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
    }
    (distance.largestGradient, distance.gradient) = Self.largest(
      gradients[0].scalars, gradients[1].scalars)
    return distance
  }

  /// x from N(0, 1), σ spread over 0 … 1, prompts in turn.
  private func rows(_ places: Range<Int>, guidance: Float) -> ModelRows {
    ModelRows(
      states: normals(.initialNoise, places),
      sigmas: places.map { place in
        // Multiples of the golden section are spread evenly, however many there are.
        let share = Double(place) * 0.618_033_988_749
        return Float(1 - (share - share.rounded(.down)))
      },
      prompts: places.map { prompts[$0 % prompts.count] },
      rowsOfPrompt: places.map { _ in 1 }, guidance: Guidance(scale: guidance))
  }

  private func normals(_ purpose: Purpose, _ places: Range<Int>) -> [Float] {
    places.flatMap {
      noise.normals(
        at: NoiseAddress(unit: UInt64($0), purpose: purpose), count: first.latentCount)
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
