import Network

/// Classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598): each state is evaluated with its
/// prompt and with the empty one.
///
///     v = w·v(x | prompt) + (1 − w)·v(x | none)
///
/// The gradient of a loss in v goes back as w·∂L/∂v and (1 − w)·∂L/∂v.
package struct Guidance: Hashable, Sendable {
  /// w; 1 leaves the second evaluation out.
  package let scale: Float

  /// w = 1.
  package static let none = Guidance(scale: 1)

  /// The words of the empty prompt.
  static let noPrompt: [Int32] = [0]

  package init(scale: Float) { self.scale = scale }

  /// The call that evaluates every prompt's rows twice, first with the prompt, then without.
  func expanded(_ input: VelocityInput) -> VelocityInput {
    if scale == 1 { return input }
    var result = VelocityInput(latents: [], sigmas: [], prompts: [], latentsOfPrompt: [])
    let count = input.sigmas.isEmpty ? 0 : input.latents.count / input.sigmas.count
    var row = 0
    for (prompt, rows) in zip(input.prompts, input.latentsOfPrompt) {
      for tokens in [prompt, Self.noPrompt] {
        result.latents += input.latents[row * count..<(row + rows) * count]
        result.sigmas += input.sigmas[row..<row + rows]
        result.prompts.append(tokens)
        result.latentsOfPrompt.append(rows)
      }
      row += rows
    }
    return result
  }

  /// v of the original rows, `[R, D]`, from the expanded call's result.
  func combined(_ velocities: [Float], of input: VelocityInput) -> [Float] {
    if scale == 1 { return velocities }
    let count = velocities.count / (2 * input.sigmas.count)
    var result: [Float] = []
    result.reserveCapacity(velocities.count / 2)
    var start = 0
    for rows in input.latentsOfPrompt {
      for i in start..<start + rows * count {
        result.append(scale * velocities[i] + (1 - scale) * velocities[i + rows * count])
      }
      start += 2 * rows * count
    }
    return result
  }

  /// The gradient of the expanded call's result, from ∂L/∂v `[R, D]` of the original rows.
  func spread(_ gradient: [Float], of input: VelocityInput) -> [Float] {
    if scale == 1 { return gradient }
    let count = gradient.count / input.sigmas.count
    var result: [Float] = []
    result.reserveCapacity(gradient.count * 2)
    var start = 0
    for rows in input.latentsOfPrompt {
      let mine = gradient[start..<start + rows * count]
      for factor in [scale, 1 - scale] { for value in mine { result.append(factor * value) } }
      start += rows * count
    }
    return result
  }
}
