/// A named number of a run, defined once, in words.
package struct Metric: Hashable, Sendable {
  package let name: String
  /// What it is, in one sentence with its unit.
  package let meaning: String

  private init(_ name: String, _ meaning: String) {
    self.name = name
    self.meaning = meaning
  }

  package static let reward = Metric(
    "reward/train", "Mean reward of the update's branches, 0...1.")
  package static let policyLoss = Metric(
    "loss/policy", "Mean weighted clipped surrogate over branching points.")
  package static let divergence = Metric(
    "loss/kl", "Mean divergence from the reference in the run's form, without β.")
  package static let firstRatio = Metric(
    "ratio/first_max_dev",
    "Largest |ρ − 1| in the first minibatch: 0 up to rounding while the lag is 0, that is at update"
      + " 0; later it measures how far the policy moved in S updates.")
  package static let clipped = Metric("clip/share", "Share of branches whose clip binds.")
  package static let zeroVariance = Metric(
    "group/zero_variance", "Share of seed groups whose rewards are all equal; they teach nothing.")
  package static let gradientNorm = Metric(
    "grad/norm", "Mean gradient norm of the update's optimiser steps, before clipping.")
  package static let skipped = Metric(
    "grad/skipped", "Optimiser steps refused because the gradient was not finite.")
  package static let secondsUpdate = Metric(
    "time/update", "Seconds from the previous commit to this one.")
  package static let secondsLearn = Metric(
    "time/learn", "Seconds of the learner's arithmetic in this update.")
  package static let secondsWait = Metric(
    "time/wait", "Seconds the learner waited for units of this update.")
  package static let soft = Metric(
    "eval/soft", "Mean soft score on held-out prompts: EMA weights, ODE, fixed noises.")
  package static let strict = Metric("eval/strict", "Share of strictly right pictures, as above.")
  package static let heldOut = Metric("eval/held_out", "Mean score of the second judge, as above.")

  /// All of them, in the order of the reference page.
  package static let all = [
    reward, policyLoss, divergence, firstRatio, clipped, zeroVariance, gradientNorm, skipped,
    secondsUpdate, secondsLearn, secondsWait, soft, strict, heldOut,
  ]
}
