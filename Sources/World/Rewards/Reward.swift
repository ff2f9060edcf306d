package import Records
package import Tasks

/// What scores final pictures: the task's own judge, a program, or a server.
///
/// A score that cannot be had is missing and never 0: the whole batch fails, with the reason.
package protocol Reward: Sendable {
  var source: RewardSource { get }

  /// The scores of the exhibits, in their order: as many, all finite.
  ///
  /// Blocks until they are there. One batch at a time.
  ///
  /// - Parameter waiting: called a few times a second, from any thread, while an answer is awaited.
  func scores(of exhibits: [Exhibit], waiting: @escaping @Sendable () -> Void)
    throws(RewardFailure) -> [Float]

  /// Lets go of what it holds: processes, connections. From any thread; a batch under way fails.
  func close()
}

/// What is judged: a prompt, and the result that is to fit it.
package struct Exhibit: Sendable {
  package enum Result: Sendable {
    /// x₀ of the task, `[tokens · channels]`.
    case latent([Float])
    /// A PNG file, as a user hands it in.
    case png([UInt8])
  }

  package var prompt: Prompt
  package var result: Result
  /// What a model itself makes of its latent; nil where the task draws it.
  package var picture: Picture?

  package init(prompt: Prompt, result: Result, picture: Picture? = nil) {
    self.prompt = prompt
    self.result = result
    self.picture = picture
  }
}
