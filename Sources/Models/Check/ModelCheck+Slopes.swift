import Flow
import Network
import Programs
import Tensor

/// Whether `pullback` is the derivative of `velocities`.
extension ModelCheck {
  private var few: ProbeRows { rows.first(4) }

  /// ∂L/∂v of an L that is linear in v, `[R, D]`.
  private var slopes: [Float] {
    normals(seed: options.seed ^ 0x736c_6f70, at: 0, count: few.count * few.latentCount)
  }

  private func gradient(_ set: ParameterSet, of process: ModelProcess, keeps: Bool) throws(Fault)
    -> [Float]
  {
    if keeps { _ = try velocities(few, under: set, of: process, keeps: true) }
    return try process.pullBack(
      few.pieces(upTo: few.count)[0], under: set, guidance: 1, slopes: slopes[...], waiting: {})
  }

  private static let allowedError = 0.02

  /// Directions: all of θ twice, then every other tensor, then the others.
  func slopesAreRight() throws(Fault) -> ModelFinding? {
    let parameters = try parameters()
    let theta = parameters.moved.buffer.scalars
    let gradient = try gradient(parameters.moved, of: actor, keeps: true)
    guard gradient.contains(where: { $0 != 0 }) else {
      return ModelFinding(
        "slopes", .failed, "the gradient is zero", allowed: "not zero",
        advice: "Does velocities compute with the parameters that pullback asks about?")
    }
    var errors: [Double] = []
    for number in 0..<4 {
      var direction = direction(10 + number, scale: parameters.scale)
      if number > 1 {
        var start = 0
        for (place, entry) in contract.manifest.entries.enumerated() {
          if place % 2 != number % 2 {
            for i in start..<start + entry.count { direction[i] = 0 }
          }
          start += entry.count
        }
      }
      let expected = product(gradient, direction)
      let usual = zip(gradient, direction).reduce(0.0) { sum, pair in
        let term = Double(pair.0) * Double(pair.1)
        return sum + term * term
      }.squareRoot()
      guard usual > 0 else { continue }
      func loss(_ step: Float) throws(Fault) -> Double {
        let set = ParameterSet(Buffer(moved(theta, along: direction, by: step)))
        return product(try velocities(few, under: set), slopes)
      }
      var error = Double.infinity
      // Wide differences have the curvature, narrow ones the rounding; wrong slopes are so in all.
      for h: Float in [0.1, 0.02, 0.5, 0.004] where error > Self.allowedError / 4 {
        let measured = try (loss(h) - loss(-h)) / (2 * Double(h))
        error = min(error, abs(measured - expected) / max(usual, abs(expected)))
      }
      errors.append(error)
    }
    let worst = errors.max() ?? .infinity
    return ModelFinding(
      "slopes", worst <= Self.allowedError ? .ok : .failed,
      "slopes and central differences of v along \(errors.count) directions of θ differ by"
        + " \(brief(worst)) of their size", allowed: "\(Self.allowedError)",
      advice: worst <= Self.allowedError
        ? ""
        : "pullback is not the derivative of velocities: does it recompute with other settings, or miss"
          + " some tensors? Numbers of few digits, such as bfloat16, are another cause.",
      values: ["relative": worst])
  }

  func pullbackIsEqual() throws(Fault) -> ModelFinding? {
    let set = try parameters().moved
    let once = try gradient(set, of: actor, keeps: false)
    let again = Difference(once, try gradient(set, of: actor, keeps: false))
    let other = Difference(once, try gradient(set, of: learner, keeps: false))
    return sameness(
      "pullback twice", again.joined(with: other), promised: contract.pullbackExact,
      "gradients of one question, asked twice and of two processes", advice: Self.random)
  }

  func pullbackOfKeptGraph() throws(Fault) -> ModelFinding? {
    let set = try parameters().moved
    let difference = Difference(
      try gradient(set, of: actor, keeps: true), try gradient(set, of: actor, keeps: false))
    return sameness(
      "pullback kept", difference, promised: contract.pullbackExact,
      "gradients with and without a kept graph",
      advice: "Is the kept graph that of the same rows and the same θ?")
  }
}
