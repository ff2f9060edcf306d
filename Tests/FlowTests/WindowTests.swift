import Foundation
import Testing
import TestSupport

import Flow

struct WindowTests {
  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func `a window is never empty and visits every step before it starts again`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let limit = Int.random(in: 2...24, using: &random)
    let width = Int.random(in: 1...6, using: &random)
    let stays: [SlidingWindow.Stay] = [
      .constant(.random(in: 1...5, using: &random)), .linear(most: 6, least: 1),
      .exponential(5, threshold: 3, rate: 0.3),
    ]
    for stay in stays {
      var window = SlidingWindow(
        width: width, limit: limit, stride: .random(in: 1...width, using: &random), stay: stay,
        startsAgain: true)
      var visited: Set<Int> = []
      var starts: [Int] = []
      for _ in 0..<6 * limit + 1 {
        #expect(!window.steps.isEmpty && window.steps.count <= width)
        visited.formUnion(window.steps)
        starts.append(window.steps.lowerBound)
        window.advance()
      }
      #expect(visited == Set(0..<limit))
      #expect(starts[0] == 0)
      #expect(zip(starts, starts.dropFirst()).allSatisfy { $1 >= $0 || $1 == 0 })
    }
  }

  @Test func `only the release rests at the limit`() {
    for isReleased in [false, true] {
      var window = SlidingWindow(
        width: 2, limit: 4, stride: 1, stay: .constant(1), startsAgain: false,
        restsAtLimitAsReleased: isReleased)
      for _ in 0..<9 { window.advance() }
      #expect(window.steps == (isReleased ? 4..<4 : 3..<4))
    }
  }

  @Test func `a coarser view keeps the prefix, and stride 1 is the grid`() {
    for steps in 2...20 {
      let grid = SigmaGrid.linear(steps: steps, shift: 3)
      for step in 0..<steps {
        #expect(grid.granular(branchingAt: step, stride: 1) == grid.sigmas)
        for stride in 2...4 {
          let sigmas = grid.granular(branchingAt: step, stride: stride)
          #expect(Array(sigmas.prefix(step + 2)) == Array(grid.sigmas.prefix(step + 2)))
          #expect(zip(sigmas, sigmas.dropFirst()).allSatisfy(>))
          #expect(sigmas.allSatisfy(grid.sigmas.contains))
        }
      }
    }
  }

  @Test func `a compressed grid ends in 0, and only the release may stop before`() {
    for steps in 2...25 {
      let grid = SigmaGrid.linear(steps: steps, shift: 3)
      for step in 0..<steps - 1 {
        for ratio in [0, 0.1, 0.4, 1] {
          let sigmas = grid.compressed(after: step, ratio: ratio, shift: 3)
          #expect(SigmaGrid.descends(sigmas))
          #expect(abs(sigmas[step + 1] - grid.sigmas[step + 1]) < 1e-6)
          #expect(sigmas.count <= max(grid.sigmas.count, step + 3))
          let released = grid.compressed(
            after: step, ratio: ratio, shift: 3, stopsEarlyAsReleased: true)
          #expect(released.count == sigmas.count || released.last! > 0)
        }
      }
    }
  }

  @Test func `without window and tail the sampler is the ODE`() throws {
    let grid = SigmaGrid.sd3(steps: 9)
    let kernels = (0..<9).map { FlowSDE(noiseLevel: 0.7).transition(step: $0, on: grid) }
    var field = NormalFlow()
    let steps = try WindowedSampler(sigmas: grid.sigmas, kernels: kernels, window: []).sample(
      from: [0.8, -2], through: &field
    ) { _ in [.nan, .nan] }
    let end = try Wavefront.finish([0.8, -2], on: grid, through: &field)
    #expect(steps.last?.next == end)
  }

  @Test func `a window draws in its steps alone`() throws {
    let grid = SigmaGrid.linear(steps: 25, shift: 3)
    let kernels = (0..<4).map { FlowSDE(noiseLevel: 0.7).transition(step: $0, on: grid) }
    let sigmas = grid.compressed(after: 3, ratio: 0.4, shift: 3)
    var field = NormalFlow()
    var asked: [Int] = []
    let steps = try WindowedSampler(sigmas: sigmas, kernels: kernels, window: [2, 3]).sample(
      from: [0.4], through: &field
    ) {
      asked.append($0)
      return [0.7]
    }
    #expect(asked == [2, 3] && field.calls == steps.count && steps.count == 4 + 7)
    for (index, step) in steps.prefix(4).enumerated() {
      let arrived = step.mean[0] + step.deviation * 0.7
      #expect((abs(step.next[0] - arrived) < 1e-6) == (index >= 2))
    }
  }

  @Test func `the solver's tail is nearer to the flow's end than Euler's of as many steps`() throws
  {
    let grid = SigmaGrid.linear(steps: 25, shift: 3)
    let sigmas = grid.compressed(after: 3, ratio: 0.4, shift: 3)
    let kernels = zip(sigmas, sigmas.dropFirst()).map {
      DanceSDE(noiseLevel: 0.3).transition(sigma: $0, next: $1)
    }
    func error(_ kernels: [Transition]) throws -> Double {
      var field = NormalFlow()
      let end = try WindowedSampler(sigmas: sigmas, kernels: kernels, window: []).sample(
        from: [0.4], through: &field
      ) { _ in [] }.last!.next[0]
      // At σ = 1 the state is the noise itself.
      return abs(Double(end) - NormalFlow.mean(0) - NormalFlow.deviation(0) * 0.4)
    }
    #expect(try error(Array(kernels.prefix(4))) < error(kernels))
  }
}
