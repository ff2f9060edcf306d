import Foundation
import Testing
import TestSupport

import Flow

struct WavefrontTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `the wavefront is the slow loop over single branches`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let unit = Unit(&random)
    var field = Whirl()
    let points = try unit.sample(through: &field)
    #expect(points.map(\.step) == unit.plan.noisySteps)
    for point in points {
      // The trunk by itself: Euler's rule up to the branching point.
      var x = unit.initial
      for step in 0..<point.step { x = unit.euler(x, at: step) }
      #expect(point.state == x)
      #expect(point.velocity == Whirl.velocity(x, unit.grid.sigmas[point.step]))
      #expect(point.branches.count == unit.plan.branches[point.step])
      let transition = unit.dynamics.transition(step: point.step, on: unit.grid)
      for (k, branch) in point.branches.enumerated() {
        let noise = unit.noise(point.step, k)
        var y = transition.next(x, point.velocity, noise: noise)
        #expect(branch.next == y)
        #expect(
          branch.logDensity
            == transition.logDensity(
              of: y, mean: transition.mean(x, point.velocity), over: unit.reduction))
        for step in point.step + 1..<unit.grid.steps { y = unit.euler(y, at: step) }
        #expect(branch.latents == [y])
      }
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `a unit costs T calls and the plan's evaluations`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let unit = Unit(&random)
    var field = Whirl()
    _ = try unit.sample(through: &field)
    #expect(field.sigmas == Array(unit.grid.sigmas.dropLast()))
    #expect(field.rows == unit.wavefront.evaluations)
    #expect(unit.plan.outcomeCount == unit.plan.branches.reduce(0, +))
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `noise is asked for once at each planned address`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let unit = Unit(&random)
    var field = Whirl()
    var asked: [[Int]] = []
    _ = try unit.wavefront.sample(from: [unit.initial], through: &field) { step, branch in
      asked.append([step, branch])
      return unit.noise(step, branch)
    }
    let planned = unit.plan.noisySteps.flatMap { step in
      (0..<unit.plan.branches[step]).map { [step, $0] }
    }
    #expect(asked == planned)
  }

  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `another noise at one address changes that branch alone`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let unit = Unit(&random)
    var field = Whirl()
    let before = try unit.sample(through: &field)
    let place = before.indices.randomElement(using: &random)!
    let branch = before[place].branches.indices.randomElement(using: &random)!
    let after = try unit.wavefront.sample(from: [unit.initial], through: &field) { step, k in
      let noise = unit.noise(step, k)
      return step == before[place].step && k == branch ? noise.map { $0 + 1 } : noise
    }.points
    for (i, point) in before.enumerated() {
      #expect(point.state == after[i].state && point.velocity == after[i].velocity)
      for (k, old) in point.branches.enumerated() {
        let new = after[i].branches[k]
        let isSame = old.next == new.next && old.latents == new.latents
        #expect(isSame == !(i == place && k == branch))
      }
    }
  }

  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func `finishing many noises is Euler's rule for each`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let unit = Unit(&random)
    let rows = (0..<3).map { _ in floats(Unit.size, &random) }
    var field = Whirl()
    let finished = try Wavefront.finish(rows.flatMap(\.self), on: unit.grid, through: &field)
    let single = rows.flatMap { row in
      (0..<unit.grid.steps).reduce(row) { unit.euler($0, at: $1) }
    }
    #expect(finished == single)
    #expect(field.sigmas.count == unit.grid.steps && field.rows == 3 * unit.grid.steps)
  }

  @Test func `TempFlow's plan costs what its authors count`() {
    // T = 10, nine branching steps, K = 6: 9 + 6·(9 + 8 + … + 1) for each seed.
    func evaluations(_ steps: Int, _ branching: Range<Int>, _ count: Int) -> Int {
      Wavefront(
        grid: .linear(steps: steps),
        plan: BranchingPlan(steps: steps, branching: branching, count: count), dynamics: ODE(),
        reduction: .sum
      ).evaluations
    }
    #expect(evaluations(10, 0..<9, 6) == 9 + 6 * 45)
    #expect(evaluations(3, 2..<3, 4) == 3)
  }
}

/// A random unit of work.
private struct Unit {
  static let size = 4
  let grid: SigmaGrid
  let plan: BranchingPlan
  let dynamics = FlowSDE(noiseLevel: 0.7)
  let reduction: DensityReduction
  let initial: [Float]
  let noiseSeed: UInt64

  init(_ random: inout SplitMix64) {
    let steps = Int.random(in: 2...8, using: &random)
    grid = SigmaGrid.linear(steps: steps, shift: 3)
    var branches = (0..<steps).map { _ in Int.random(in: 0...3, using: &random) }
    branches[Int.random(in: 0..<steps - 1, using: &random)] = 2
    plan = BranchingPlan(branches: branches)
    reduction = DensityReduction.allCases.randomElement(using: &random)!
    initial = floats(Self.size, &random)
    noiseSeed = random.next()
  }

  var wavefront: Wavefront {
    Wavefront(grid: grid, plan: plan, dynamics: dynamics, reduction: reduction)
  }

  func noise(_ step: Int, _ branch: Int) -> [Float] {
    var random = SplitMix64(seed: noiseSeed &+ UInt64(100 * step + branch))
    return floats(Self.size, &random)
  }

  func sample(through field: inout Whirl) throws -> [Wavefront.Point] {
    try wavefront.sample(from: [initial], through: &field, noise: noise).points
  }

  /// x − Δ·v, one rounding for each operation.
  func euler(_ x: [Float], at step: Int) -> [Float] {
    let v = Whirl.velocity(x, grid.sigmas[step])
    let Δ = grid.sigmas[step] - grid.sigmas[step + 1]
    return x.indices.map { x[$0] - Δ * v[$0] }
  }
}

/// A nonlinear field of four dimensions that counts what it is asked.
private struct Whirl: VelocityField {
  var sigmas: [Float] = []
  var rows = 0

  static func velocity(_ x: [Float], _ sigma: Float) -> [Float] {
    x.indices.map { i in sin(3 * x[i]) + x[(i + 1) % x.count] * (sigma - x[i] * x[i] / 4) }
  }

  mutating func velocities(of states: [Float], sigma: Float) -> [Float] {
    sigmas.append(sigma)
    rows += states.count / Unit.size
    return stride(from: 0, to: states.count, by: Unit.size).flatMap {
      Self.velocity(Array(states[$0..<$0 + Unit.size]), sigma)
    }
  }
}
