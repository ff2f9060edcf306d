/// Advantages of single steps from rewards at every step (VGPO, arXiv:2512.12387): each state of a path
/// is projected to a clean one and judged, and a step is credited with all that follows it.
///
///     Q_i = Σ_{j ≥ i} γ^{j − i}·r_j,        ω_i = Q_i / mean_i Q
///     Â_i = ω_i·((1 + α_i)·Q_i − mean_group Q_i) / (std_group Q_i + floor)
///     α_i = k·std_group Q_i in the first steps, then 0
///
/// α keeps a pull of k·Q where a group no longer differs. No code of the authors is public; the place of
/// α, ω and the floor, the kind of the deviation (n) and γ and k are a reading of summaries. Where the
/// mean of Q is next to 0, ω is 1; where a step's Q are all equal and the floor is 0, Â is 0.
package struct StepwiseCredit: Hashable, Sendable {
  /// γ.
  package var discount: Double
  /// k.
  package var pull: Double
  /// How many steps have α > 0.
  package var pullingSteps: Int
  package var floor: Double

  package init(discount: Double, pull: Double, pullingSteps: Int, floor: Double = 1e-4) {
    self.discount = discount
    self.pull = pull
    self.pullingSteps = pullingSteps
    self.floor = floor
  }

  package struct Credit: Hashable, Sendable {
    /// Q and ω, `[path][step]`.
    package var values: [[Double]]
    package var weights: [[Double]]
    /// Of the group at each step, `[step]`.
    package var means: [Double] = []
    package var deviations: [Double] = []
    package var pulls: [Double] = []
    /// Â/ω, `[path][step]`.
    package var unweighted: [[Double]]
    /// Â, `[path][step]`.
    package var advantages: [[Double]] {
      zip(weights, unweighted).map { zip($0, $1).map { $0 * $1 } }
    }
  }

  /// - Parameter rewards: of one group, `[path][step]`.
  package func credit(of rewards: [[Double]]) -> Credit {
    let values = rewards.map { path in
      var following = 0.0
      var values: [Double] = []
      for reward in path.reversed() {
        following = reward + discount * following
        values.append(following)
      }
      return Array(values.reversed())
    }
    let weights = values.map { path in
      let mean = path.reduce(0, +) / Double(path.count)
      return path.map { abs(mean) < 1e-9 ? 1 : $0 / mean }
    }
    var credit = Credit(values: values, weights: weights, unweighted: values)
    let count = Double(values.count)
    for step in values[0].indices {
      let column = values.map { $0[step] }
      let mean = column.reduce(0, +) / count
      let variance = column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
      let deviation = variance.squareRoot()
      let α = step < pullingSteps ? pull * deviation : 0
      credit.means.append(mean)
      credit.deviations.append(deviation)
      credit.pulls.append(α)
      let isTie = column.allSatisfy { $0 == column[0] }
      for path in values.indices {
        // Without a floor, what rounding leaves of a tie's deviation is no measure.
        guard floor > 0 || !isTie else {
          credit.unweighted[path][step] = 0
          continue
        }
        credit.unweighted[path][step] = ((1 + α) * column[path] - mean) / (deviation + floor)
      }
    }
    return credit
  }
}
