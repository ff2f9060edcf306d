import Foundation
import Testing
import TestSupport

import Flow

/// Plans that grow from branches, that finish in several ways, and that draw no noise.
struct GrowthTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `a tree is the slow recursion over its branches`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let unit = Growth(origin: .branches, continuation: .euler, &random)
    let sample = try unit.sample()
    var points = sample.points[...]
    // Depth by depth, as the plan lists them.
    var tips = unit.initial.map { (state: $0, step: 0) }
    var latents: [[Float]] = []
    for step in unit.plan.noisySteps {
      var grown: [(state: [Float], step: Int)] = []
      var drawn = 0
      for tip in tips {
        let x = (tip.step..<step).reduce(tip.state) { unit.euler($0, at: $1) }
        guard let point = points.popFirst() else {
          return #expect(Bool(false), "points are missing")
        }
        #expect(point.step == step && point.state == x)
        #expect(point.velocity == Growth.velocity(x, unit.grid.sigmas[step]))
        #expect(point.branches.count == unit.plan.branches[step])
        for branch in point.branches {
          let next = unit.transition(step).next(x, point.velocity, noise: unit.noise(step, drawn))
          drawn += 1
          #expect(branch.next == next)
          grown.append((next, step + 1))
          if step != unit.plan.noisySteps.last {
            #expect(branch.latents.isEmpty)
          } else {
            latents += branch.latents
          }
        }
      }
      tips = grown
    }
    #expect(points.isEmpty && sample.latents.isEmpty)
    let expected = tips.map { tip in
      (tip.step..<unit.grid.steps).reduce(tip.state) { unit.euler($0, at: $1) }
    }
    #expect(latents == expected)
    #expect(unit.plan.outcomeCount == expected.count)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `the plan's points are those of the sample, and its evaluations are counted`(seed: UInt64)
    throws
  {
    for origin in BranchingPlan.Origin.allCases {
      for continuation in Growth.continuations(of: origin) {
        var random = SplitMix64(seed: seed)
        let unit = Growth(origin: origin, continuation: continuation, &random)
        var field = Counter()
        let sample = try unit.wavefront.sample(
          from: unit.initial, through: &field, noise: unit.noise)
        #expect(sample.points.map(\.step) == unit.plan.points.map(\.step))
        for (point, planned) in zip(sample.points, unit.plan.points) {
          #expect(point.branches.count == planned.branchCount)
          #expect(point.branches.allSatisfy { $0.latents.count == planned.outcomeCount })
          guard let parent = planned.parent, planned.step > 0 else { continue }
          #expect(unit.plan.points[parent.point].step < planned.step)
        }
        #expect(field.rows == unit.wavefront.evaluations, "\(origin) \(continuation)")
      }
    }
  }

  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `strides see coarser grids, and what is judged is what the last call points to`(
    seed: UInt64
  ) throws {
    var random = SplitMix64(seed: seed)
    let unit = Growth(origin: .trunk, continuation: .strides([1, 2, 3]), &random)
    for point in try unit.sample().points {
      for branch in point.branches {
        let ends = [1, 2, 3].map { stride in
          var x = branch.next
          let times = unit.grid.granular(branchingAt: point.step, stride: stride)
            .dropFirst(point.step + 1)
          guard times.count > 1 else { return x }
          for (sigma, next) in zip(times, times.dropFirst()) {
            let isLast = next == times.last
            let v = Growth.velocity(x, sigma)
            x = x.indices.map { x[$0] + ((isLast ? 0 : next) - sigma) * v[$0] }
          }
          return x
        }
        #expect(branch.latents == ends)
      }
    }
  }

  @Test func `a projection judges every branch where it stands`() throws {
    var random = SplitMix64(seed: 4)
    let unit = Growth(origin: .branches, continuation: .projection, &random)
    for point in try unit.sample().points {
      let sigma = unit.grid.sigmas[point.step + 1]
      for branch in point.branches {
        let v = Growth.velocity(branch.next, sigma)
        #expect(branch.latents == [zip(branch.next, v).map { $0 - sigma * $1 }])
      }
    }
  }

  @Test func `a compressed tail arrives nearer than Euler's rule on it`() throws {
    // v = −x/2 has the solution x·e^{σ/2 − …}: compare with many small steps.
    struct Decay: VelocityField {
      func velocities(of states: [Float], sigma: Float) -> [Float] {
        states.map { cos(3 * sigma) - $0 / 2 }
      }
    }
    let grid = SigmaGrid.linear(steps: 20)
    let noise: (Int, Int) -> [Float] = { _, _ in [0, 0] }
    func end(_ continuation: Continuation, _ grid: SigmaGrid) throws -> [Float] {
      var field = Decay()
      let plan = BranchingPlan(
        branches: [1] + Array(repeating: 0, count: grid.steps - 1), continuation: continuation)
      return try Wavefront(grid: grid, plan: plan, dynamics: ODE(), reduction: .bare)
        .sample(from: [[1, -1]], through: &field, noise: noise).points[0].branches[0].latents[0]
    }
    let multistep = try end(.multistep(DPMSolver(), ratio: 0.4, shift: 1), grid)
    let exact = try end(.euler, .linear(steps: 2000))
    let short = try end(.euler, .linear(steps: 9))
    for i in exact.indices { #expect(abs(multistep[i] - exact[i]) < abs(short[i] - exact[i])) }
  }

  /// Peers' numbers check ``WindowedSampler`` (golden `mixgrpo_rollout`); runs sample with the wavefront.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `a window with a solver's tail is the windowed sampler`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let steps = Int.random(in: 6...20, using: &random)
    let grid = SigmaGrid.linear(steps: steps, shift: 3)
    let first = Int.random(in: 0..<steps - 4, using: &random)
    let window = first..<first + Int.random(in: 1...3, using: &random)
    let ratio = Double.random(in: 0.2...0.9, using: &random)
    let solver = DPMSolver(order: Int.random(in: 1...3, using: &random))
    let initial = floats(Growth.size, &random)
    let noises = (0..<steps).map { _ in floats(Growth.size, &random) }
    let dynamics = FlowSDE(noiseLevel: 0.7)
    let plan = BranchingPlan(
      branches: (0..<steps).map { window.contains($0) ? 1 : 0 }, origin: .branches,
      continuation: .multistep(solver, ratio: ratio, shift: 3))
    var field = Counter()
    let sample = try Wavefront(grid: grid, plan: plan, dynamics: dynamics, reduction: .sum)
      .sample(from: [initial], through: &field) { step, _ in noises[step] }
    let other = WindowedSampler(
      sigmas: grid.compressed(after: window.upperBound - 1, ratio: ratio, shift: 3),
      kernels: (0..<window.upperBound).map { dynamics.transition(step: $0, on: grid) },
      window: Set(window), solver: solver)
    let path = try other.sample(from: initial, through: &field) { noises[$0] }
    #expect(sample.points.map(\.state) == window.map { path[$0].state })
    #expect(sample.points.map { $0.branches[0].next } == window.map { path[$0].next })
    #expect(worstDeviation(sample.points.last!.branches[0].latents[0], path.last!.next) < 1e-5)
  }

  @Test(arguments: BranchingPlan.Origin.allCases, 1...10 as ClosedRange<UInt64>)
  func `units of one plan that share their calls are what each is by itself`(
    origin: BranchingPlan.Origin, seed: UInt64
  ) throws {
    for continuation in Growth.continuations(of: origin) {
      var random = SplitMix64(seed: seed)
      let unit = Growth(origin: origin, continuation: continuation, &random)
      try expectSharingChangesNothing(unit.wavefront, &random)
    }
    // Nor without noise.
    var random = SplitMix64(seed: seed)
    let unit = Growth(origin: origin, continuation: .euler, &random)
    let quiet = unit.plan.limited(to: 0..<0)
    let adams = BranchingPlan(
      trunks: 2, branches: quiet.branches, continuation: .adams(SASolver(noiseLevel: 0.4)))
    for plan in [quiet, adams] {
      try expectSharingChangesNothing(
        Wavefront(grid: unit.grid, plan: plan, dynamics: ODE(), reduction: .sum), &random)
    }
  }

  private func expectSharingChangesNothing(
    _ wavefront: Wavefront, _ random: inout SplitMix64
  ) throws {
    let initials = (0..<3).map { _ in (0..<2).map { _ in floats(Growth.size, &random) } }
    func noise(_ unit: Int, _ step: Int, _ branch: Int) -> [Float] {
      var random = SplitMix64(seed: UInt64(100_000 * unit + 1000 * step + branch))
      return floats(Growth.size, &random)
    }
    var together = Counter()
    let shared = try wavefront.samples(from: initials, through: &together, noise: noise)
    var rows = 0
    for (unit, initial) in initials.enumerated() {
      var field = Counter()
      let alone = try wavefront.sample(from: initial, through: &field) { noise(unit, $0, $1) }
      #expect(shared[unit] == alone)
      #expect(together.calls == field.calls)
      rows += field.rows
    }
    #expect(together.rows == rows)
  }

  @Test func `a trunk without noise is Euler's rule, or the solver by itself`() throws {
    var random = SplitMix64(seed: 9)
    let unit = Growth(origin: .trunk, continuation: .euler, &random)
    let quiet = unit.plan.limited(to: 0..<0)
    var field = Counter()
    let wavefront = Wavefront(
      grid: unit.grid, plan: quiet, dynamics: ODE(), reduction: .sum)
    let sample = try wavefront.sample(from: unit.initial, through: &field, noise: unit.noise)
    #expect(sample.points.isEmpty)
    #expect(
      sample.latents
        == unit.initial.map { (0..<unit.grid.steps).reduce($0) { unit.euler($0, at: $1) } })
    let solver = SASolver(noiseLevel: 0.4)
    let adams = Wavefront(
      grid: unit.grid,
      plan: BranchingPlan(trunks: 2, branches: quiet.branches, continuation: .adams(solver)),
      dynamics: ODE(), reduction: .sum)
    let both = try adams.sample(from: unit.initial, through: &field, noise: unit.noise).latents
    for trunk in 0..<2 {
      let alone = try solver.run(
        from: unit.initial[trunk], times: SASolver.times(on: unit.grid), through: &field
      ) { unit.noise($0, trunk) }
      #expect(alone.states.last == both[trunk])
    }
  }

  @Test(arguments: 0...200 as ClosedRange<UInt64>)
  func `a window at an update is the one that advanced so often`(update: UInt64) {
    let windows = [
      SlidingWindow(width: 2, limit: 8, stride: 1, stay: .constant(3), startsAgain: true),
      SlidingWindow(width: 3, limit: 7, stride: 2, stay: .constant(2), startsAgain: false),
      SlidingWindow(
        width: 2, limit: 9, stride: 1, stay: .linear(most: 5, least: 1), startsAgain: true),
      SlidingWindow(width: 2, limit: 9, stride: 0, stay: .constant(4), startsAgain: true),
      SlidingWindow(
        width: 1, limit: 6, stride: 1, stay: .exponential(6, threshold: 2, rate: 0.4),
        startsAgain: true, origin: 2),
    ]
    for window in windows {
      var moved = window
      for _ in 0..<update { moved.advance() }
      #expect(window.steps(atIteration: update) == moved.steps)
    }
  }

  @Test func `a random window visits every place and stays in its range`() {
    let window = WindowSchedule.random(width: 2, range: 1..<6)
    var seen: Set<Int> = []
    for word in stride(from: UInt32(0), through: .max - 65_537, by: 65_537) {
      let steps = window.steps(ofUpdate: 0, word: word)
      #expect(steps.count == 2 && steps.lowerBound >= 1 && steps.upperBound <= 6)
      seen.insert(steps.lowerBound)
    }
    #expect(seen == [1, 2, 3, 4])
  }
}

/// A random unit of two trunks.
private struct Growth {
  static let size = 3
  let grid: SigmaGrid
  let plan: BranchingPlan
  let initial: [[Float]]
  let noiseSeed: UInt64

  init(
    origin: BranchingPlan.Origin, continuation: Continuation, _ random: inout SplitMix64
  ) {
    let steps = Int.random(in: 3...7, using: &random)
    grid = SigmaGrid.linear(steps: steps, shift: 2)
    var branches = (0..<steps).map { _ in Int.random(in: 0...2, using: &random) }
    branches[steps - 1] = 0
    branches[Int.random(in: 0..<steps - 1, using: &random)] = 2
    plan = BranchingPlan(
      trunks: 2, branches: branches, origin: origin, continuation: continuation)
    initial = (0..<2).map { _ in floats(Self.size, &random) }
    noiseSeed = random.next()
  }

  static func continuations(of origin: BranchingPlan.Origin) -> [Continuation] {
    [.euler, .strides([1, 2]), .multistep(DPMSolver(), ratio: 0.6, shift: 2)]
      + (origin == .branches ? [.projection] : [])
  }

  var wavefront: Wavefront {
    Wavefront(grid: grid, plan: plan, dynamics: FlowSDE(noiseLevel: 0.7), reduction: .sum)
  }

  func transition(_ step: Int) -> Transition {
    FlowSDE(noiseLevel: 0.7).transition(step: step, on: grid)
  }

  func noise(_ step: Int, _ branch: Int) -> [Float] {
    var random = SplitMix64(seed: noiseSeed &+ UInt64(1000 * step + branch))
    return floats(Self.size, &random)
  }

  func sample() throws -> Wavefront.Sample {
    var field = Counter()
    return try wavefront.sample(from: initial, through: &field, noise: noise)
  }

  func euler(_ x: [Float], at step: Int) -> [Float] {
    let v = Self.velocity(x, grid.sigmas[step])
    let Δ = grid.sigmas[step] - grid.sigmas[step + 1]
    return x.indices.map { x[$0] - Δ * v[$0] }
  }

  static func velocity(_ x: [Float], _ sigma: Float) -> [Float] {
    x.indices.map { i in sin(3 * x[i]) + x[(i + 1) % x.count] * (sigma - x[i] * x[i] / 4) }
  }
}

private struct Counter: VelocityField {
  var rows = 0
  var calls = 0

  mutating func velocities(of states: [Float], sigma: Float) -> [Float] {
    rows += states.count / Growth.size
    calls += 1
    return stride(from: 0, to: states.count, by: Growth.size).flatMap {
      Growth.velocity(Array(states[$0..<$0 + Growth.size]), sigma)
    }
  }
}
