import Autograd
import CAllocations
import Network
import Tensor
import Testing

#if DEBUG
  private let canTell = false
#else
  private let canTell = CAllocations_areCounted()
#endif

/// A network call that is like the one before it allocates nothing: neither for an operation, nor
/// for a token, nor once.
@Suite(.enabled(if: canTell, "unoptimised code and sanitizers allocate in ways of their own"))
struct AllocationTests {
  /// Latents of two prompts, three distinct σ.
  static func input(rows: Int) -> VelocityInput {
    VelocityInput(
      latents: DiTTests.noise(rows * 12, 1), sigmas: (0..<rows).map { Float($0 % 3) / 3 },
      prompts: [[1, 2, 3], [4, 0, 6, 2, 1]], latentsOfPrompt: [rows - 1, 1])
  }

  static func network(depth: Int) -> DiT {
    DiT(
      DiT.Shape(
        latentTokens: 3, latentChannels: 4, vocabulary: 7, longestPrompt: 5, width: 32,
        depth: depth, heads: 2))
  }

  /// Allocations of the fourth of four equal calls.
  static func allocations(_ call: () -> Void) -> UInt64 {
    var count: UInt64 = 0
    for _ in 0..<4 {
      let before = CAllocations_count()
      call()
      count = CAllocations_count() - before
    }
    return count
  }

  @Test func `allocations are counted`() {
    var kept: [[Float]] = []
    kept.reserveCapacity(8)
    let count = Self.allocations { kept.append(Array(repeating: 1, count: 100 + kept.count)) }
    #expect(count == 1)
    #expect(Self.allocations { _ = Buffer(count: 64) } > 0)
  }

  @Test(arguments: [1, 4], [2, 9]) func inference(depth: Int, rows: Int) {
    let network = Self.network(depth: depth), input = Self.input(rows: rows)
    let weights = network.initialParameters(seed: 1)
    let tape = Tape(recording: false)
    let count = Self.allocations {
      tape.reset()
      _ = network.velocity(of: input, weights: weights, on: tape)
    }
    #expect(count == 0)
  }

  @Test(arguments: [1, 4], [2, 9]) func `training step`(depth: Int, rows: Int) {
    let network = Self.network(depth: depth), input = Self.input(rows: rows)
    let weights = network.initialParameters(seed: 1)
    let gradients = Buffer(count: weights.count)
    let tape = Tape(recording: true)
    let count = Self.allocations {
      tape.reset()
      let v = network.velocity(of: input, weights: weights, gradients: gradients, on: tape)
      tape.backward(from: v, gradient: v.value)
    }
    #expect(count == 0)
  }
}
