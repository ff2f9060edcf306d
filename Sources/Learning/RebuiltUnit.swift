import Bytes
import Flow
import Objective
package import Records
package import Tensor

/// A trajectory whose noises and next states were made again from its address, and matched.
package struct RebuiltUnit: Sendable {
  package let trajectory: Trajectory
  /// xᵢ₊₁, `[point][K · D]`: one piece of memory a point, because whoever checks a unit is another
  /// thread than whoever uses it, and freeing for another thread is dear.
  private let states: [[Float]]
  /// Makes the whole unit again; nil where it is here.
  private let fetch: Fetch?

  package typealias Fetch = @Sendable () throws -> RebuiltUnit

  /// The unit with all of its numbers.
  package func whole() throws -> RebuiltUnit { try fetch?() ?? self }

  /// Rewards and log-densities alone, which credit and reports read; the rest is fetched when it is needed.
  func shelved(_ fetch: @escaping Fetch) -> RebuiltUnit {
    var trajectory = trajectory
    trajectory.outcomes = trajectory.outcomes.withoutLatents
    for index in trajectory.points.indices {
      trajectory.points[index].state = []
      trajectory.points[index].velocity = []
      trajectory.points[index].outcomes = trajectory.points[index].outcomes.withoutLatents
    }
    return RebuiltUnit(trajectory: trajectory, states: [], fetch: fetch)
  }

  private init(trajectory: Trajectory, states: [[Float]], fetch: Fetch?) {
    self.trajectory = trajectory
    self.states = states
    self.fetch = fetch
  }

  /// xᵢ₊₁ of a point's branches, `[K, D]`.
  package func next(ofPoint point: Int) -> Slab {
    Slab(states[point], columns: trajectory.points[point].state.count)
  }

  /// - Throws: ``TrajectoryError`` where the record does not follow from its address.
  package init(_ trajectory: Trajectory, recipe: Recipe) throws(TrajectoryError) {
    let unit = trajectory.unit
    let address = UnitAddress(unit, in: recipe)
    let plan = address.plan
    guard address.versions.contains(trajectory.version) else {
      throw .version(unit, found: trajectory.version, expected: address.versions)
    }
    guard trajectory.prompt == address.prompt else {
      throw .prompt(unit, found: trajectory.prompt, expected: address.prompt)
    }
    let planned = plan.points
    guard trajectory.points.count == planned.count,
      trajectory.outcomes.count == plan.trunkOutcomeCount,
      zip(trajectory.points, planned).allSatisfy({ point, planned in
        point.step == planned.step && point.branches.count == planned.branchCount
          && point.outcomes.count == planned.branchCount * planned.outcomeCount
      })
    else { throw .geometry(unit) }
    let noises = address.initialNoises
    guard CRC32C.of(noises.flatMap(\.self)) == trajectory.noiseChecksum else { throw .noise(unit) }
    let size = recipe.latentCount
    let grid = recipe.algorithm.grid
    let dynamics = recipe.algorithm.dynamics
    let reduction = recipe.algorithm.reduction
    var states: [[Float]] = []
    states.reserveCapacity(planned.count)
    // Where each trunk must stand, as far as the recorded velocities tell.
    var trunks = noises.map { (step: 0, state: $0) }
    for (point, planned) in zip(trajectory.points, planned) {
      let expected =
        planned.parent.map {
          (
            step: trajectory.points[$0.point].step + 1,
            state: Array(states[$0.point][$0.branch * size..<($0.branch + 1) * size])
          )
        } ?? trunks[planned.trunk]
      guard expected.step != point.step || expected.state == point.state else {
        throw .trunk(unit, step: point.step)
      }
      if planned.parent == nil {
        trunks[planned.trunk] = (
          point.step + 1,
          ODE().transition(step: point.step, on: grid).next(
            point.state, point.velocity, noise: point.state)
        )
      }
      let transition = dynamics.transition(step: point.step, on: grid)
      let mean = transition.mean(point.state, point.velocity)
      let first = planned.place * planned.branchCount
      var next: [Float] = []
      next.reserveCapacity(point.branches.count * size)
      for (k, branch) in point.branches.enumerated() {
        let state = transition.next(
          point.state, point.velocity,
          noise: address.branchNoise(
            step: point.step, branch: first + k, of: planned.branchCount))
        guard CRC32C.of(state) == branch.nextStateChecksum else {
          throw .nextState(unit, step: point.step, branch: first + k)
        }
        let density = transition.logDensity(of: state, mean: mean, over: reduction)
        guard density == branch.logDensity else {
          throw .logDensity(unit, step: point.step, branch: first + k)
        }
        next += state
      }
      states.append(next)
    }
    self.init(trajectory: trajectory, states: states, fetch: nil)
  }
}

extension ClosedRange<PolicyVersion> {
  /// In words.
  package var sentence: String {
    lowerBound == upperBound
      ? "\(lowerBound)" : "version \(lowerBound.rawValue) to \(upperBound.rawValue)"
  }
}

/// A trajectory that does not follow from its unit's address and the run's configuration.
package enum TrajectoryError: Error, Hashable, CustomStringConvertible {
  case version(UnitID, found: PolicyVersion, expected: ClosedRange<PolicyVersion>)
  case prompt(UnitID, found: Int, expected: Int)
  case geometry(UnitID)
  case noise(UnitID)
  case trunk(UnitID, step: Int)
  case nextState(UnitID, step: Int, branch: Int)
  case logDensity(UnitID, step: Int, branch: Int)

  package var description: String {
    switch self {
    case .version(let unit, let found, let expected):
      "\(unit): made with \(found), the schedule says \(expected.sentence)"
    case .prompt(let unit, let found, let expected):
      "\(unit): made for prompt \(found), its address says \(expected)"
    case .geometry(let unit): "\(unit): its branching points are not those of the plan"
    case .noise(let unit): "\(unit): its initial noise is not the one of its address"
    case .trunk(let unit, let step):
      "\(unit): its state at step \(step) does not follow from the noise and the velocities before"
    case .logDensity(let unit, let step, let branch):
      "\(unit): the log-density of branch \(branch) at step \(step) is not that of its next state"
    case .nextState(let unit, let step, let branch):
      "\(unit): the next state of branch \(branch) at step \(step) does not follow from its state,"
        + " velocity and noise address"
    }
  }
}
