import Tensor

/// What one network call computes: R latents, each with its time, grouped by prompt.
package struct VelocityInput: Sendable {
  /// `[R, D]`, row-major; the latents of one prompt stand together, in the prompts' order.
  package var latents: [Float]
  /// `[R]`, each in 0...1.
  package var sigmas: [Float]
  /// Word indices of each prompt.
  package var prompts: [[Int32]]
  /// How many latents belong to each prompt; they add up to R.
  package var latentsOfPrompt: [Int]

  package init(latents: [Float], sigmas: [Float], prompts: [[Int32]], latentsOfPrompt: [Int]) {
    self.latents = latents
    self.sigmas = sigmas
    self.prompts = prompts
    self.latentsOfPrompt = latentsOfPrompt
  }

  func segments(for shape: DiT.Shape) -> Segments {
    precondition(
      latents.count == sigmas.count * shape.latentCount,
      "\(latents.count) scalars for \(sigmas.count) latents of \(shape.latentCount)")
    precondition(latentsOfPrompt.reduce(0, +) == sigmas.count, "every latent has one prompt")
    precondition(
      prompts.allSatisfy { $0.count <= shape.longestPrompt },
      "a prompt has more than \(shape.longestPrompt) words")
    return Segments(
      tokensPerLatent: shape.latentTokens, promptLengths: prompts.map(\.count),
      latentsOfPrompt: latentsOfPrompt, heads: shape.heads, width: shape.width)
  }

  /// The distinct σ in order of appearance, and the index of each row's σ among them.
  var distinctSigmas: (sigmas: [Float], indexOfRow: [Int32]) {
    var positions: [Float: Int32] = [:]
    var distinct: [Float] = []
    let indices = sigmas.map { sigma in
      if let position = positions[sigma] { return position }
      let position = Int32(distinct.count)
      positions[sigma] = position
      distinct.append(sigma)
      return position
    }
    return (distinct, indices)
  }
}
