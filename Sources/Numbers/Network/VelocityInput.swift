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
}
