import Flow
import Tensor

/// A loss of recorded noises under which a sample of older parameters counts what the present ones make
/// of it (decoupled PPO, Hilton et al. 2022, arXiv:2110.00641, eq. 3, with the truncation of IMPALA,
/// arXiv:1802.01561):
///
///     w = min(c, exp(log p_old − log p_behaviour)),        L = w · surrogate(log p − log p_old)
///
/// p_old is the policy when the update begins, so that the clip measures what the update itself does,
/// however old the sample is; p_behaviour drew it. w is held fixed. Of a fresh sample w = 1 exactly.
package struct ImportanceWeighted: PolicyLoss {
  private var loss: any PolicyLoss
  /// c ≥ 1.
  private let cap: Double

  /// - Precondition: the loss reads recorded points.
  package init(_ loss: any PolicyLoss, cap: Double) {
    precondition(loss.rows == .points, "only recorded noises have a density of older parameters")
    self.loss = loss
    self.cap = cap
  }

  package var rows: LossRows { loss.rows }
  package var needs: LossNeeds { loss.needs.union(.old) }
  package var holdsFactors: Bool { loss.holdsFactors }
  package var unclipped: ImportanceWeighted { ImportanceWeighted(loss.unclipped, cap: cap) }

  package func loss(of samples: LossSamples, at velocities: Velocities) -> LossResult {
    var samples = samples
    var importance: [Float] = []
    var mean = [Float](repeating: 0, count: velocities.old.columns)
    for row in samples.points.indices {
      let point = samples.points[row]
      point.transition.mean(point.state[...], velocities.old[row], into: &mean)
      samples.points[row].velocity = velocities.old[row]
      for k in point.advantages.indices {
        let density = point.transition.logDensity(
          of: point.next[k], mean: mean[...], over: point.reduction)
        let difference = Double(density) - Double(point.logDensities[k])
        let weight = Float(min(cap, ExactMath.exponential(min(max(difference, -80), 80))))
        samples.points[row].logDensities[k] = density
        samples.points[row].advantages[k] *= weight
        importance.append(weight)
      }
    }
    var result = loss.loss(of: samples, at: velocities)
    result.importance = importance
    return result
  }
}

extension PolicyLoss {
  /// The same for samples that older parameters may have drawn. A loss on outcomes draws its noise anew:
  /// nothing that it reads is old.
  package func weighingOlderSamples(cap: Double) -> any PolicyLoss {
    rows == .points ? ImportanceWeighted(self, cap: cap) : self
  }
}
