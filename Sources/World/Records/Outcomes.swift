import Bytes

/// A clean latent and what it earned.
package struct Outcome: Hashable, Sendable {
  /// The parts of the reward, in the order of the run's configuration.
  package var rewards: [Float]
  /// x₀, `[tokens · channels]`; empty where it was not kept.
  package var latent: [Float]

  package init(rewards: [Float], latent: [Float]) {
    self.rewards = rewards
    self.latent = latent
  }
}

/// Outcomes of one shape: two pieces of memory, however many there are.
package struct Outcomes: Hashable, Sendable {
  /// N.
  package let count: Int
  /// `[N, D]`; empty where they were not kept.
  package private(set) var latents: [Float]
  /// `[N]`: CRC32C of each latent's little-endian float32, in place of the latents.
  package private(set) var checksums: [UInt32]
  /// `[N, R]`.
  package private(set) var rewards: [Float]

  /// - Precondition: values are divisible by N; of checksums there are N or none, and none beside latents.
  package init(count: Int, latents: [Float], checksums: [UInt32] = [], rewards: [Float]) {
    precondition(
      count == 0
        ? latents.isEmpty && rewards.isEmpty
        : latents.count.isMultiple(of: count) && rewards.count.isMultiple(of: count),
      "\(count) outcomes of \(latents.count) and \(rewards.count) values")
    precondition(
      checksums.isEmpty || checksums.count == count && latents.isEmpty,
      "\(checksums.count) checksums of \(count) outcomes with \(latents.count) values")
    self.count = count
    self.latents = latents
    self.checksums = checksums
    self.rewards = rewards
  }

  /// - Precondition: all have as many values.
  package init(_ outcomes: [Outcome]) {
    precondition(
      outcomes.allSatisfy {
        $0.latent.count == outcomes[0].latent.count && $0.rewards.count == outcomes[0].rewards.count
      }, "outcomes of different shapes")
    self.init(
      count: outcomes.count, latents: outcomes.flatMap(\.latent),
      rewards: outcomes.flatMap(\.rewards))
  }

  /// The same outcomes, of which only the rewards are known.
  package var withoutLatents: Outcomes { Outcomes(count: count, latents: [], rewards: rewards) }

  /// The same outcomes with checksums in place of latents.
  package var digested: Outcomes {
    Outcomes(count: count, latents: [], checksums: map { CRC32C.of($0.latent) }, rewards: rewards)
  }

  /// The same outcomes with other rewards, `[N, R]`.
  package func judged(_ rewards: [Float]) -> Outcomes {
    Outcomes(count: count, latents: latents, checksums: checksums, rewards: rewards)
  }

  private func range(_ index: Int, of values: [Float]) -> Range<Int> {
    let size = values.count / count
    return index * size..<(index + 1) * size
  }
}

extension Outcomes: RandomAccessCollection, MutableCollection, ExpressibleByArrayLiteral {
  package var startIndex: Int { 0 }
  package var endIndex: Int { count }

  package init(arrayLiteral outcomes: Outcome...) { self.init(outcomes) }

  /// - Precondition: what is set has the shape of what was there.
  package subscript(index: Int) -> Outcome {
    get {
      Outcome(
        rewards: Array(rewards[range(index, of: rewards)]),
        latent: Array(latents[range(index, of: latents)]))
    }
    set {
      let (latent, reward) = (range(index, of: latents), range(index, of: rewards))
      precondition(
        newValue.latent.count == latent.count && newValue.rewards.count == reward.count,
        "an outcome of another shape")
      latents.replaceSubrange(latent, with: newValue.latent)
      rewards.replaceSubrange(reward, with: newValue.rewards)
    }
  }
}
