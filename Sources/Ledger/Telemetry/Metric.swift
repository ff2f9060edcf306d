/// A named number of a run, defined once, in words.
package struct Metric: Hashable, Sendable {
  package let name: String
  /// What it is, in one sentence with its unit.
  package let meaning: String

  init(_ name: String, _ meaning: String) {
    self.name = name
    self.meaning = meaning
  }

  // Every line.

  package static let wall = Metric(
    "time/wall",
    "Seconds since 1970-01-01 UTC when the line was written; TensorBoard keeps seven digits of it.")

  // An update.

  package static let reward = Metric(
    "reward/train", "Mean reward of the update's outcomes, 0...1.")
  package static let rewardDeviation = Metric(
    "reward/branch_std",
    "Mean over the groups that advantages compare of the deviation of their rewards.")
  package static let policyLoss = Metric(
    "loss/policy",
    "Mean policy loss over branching points, or over outcomes where these are matched; without divergences."
  )
  package static let divergence = Metric(
    "loss/kl", "Mean divergence from the reference in the run's form, without β.")
  package static let firstRatio = Metric(
    "ratio/first_max_dev",
    "Largest |ρ − 1| in the first minibatch: 0 up to rounding while the lag is 0, that is at update"
      + " 0; later it measures how far the policy moved in S updates.")
  package static let samplerRatio = Metric(
    "ratio/sampler_max_dev",
    "Largest |ρ − 1| of one unit at the parameters that sampled it; of models whose rows depend on their"
      + " batch, for others it is 0.")
  package static let clipped = Metric(
    "clip/share", "Share of ratios that were clipped; a few percent is normal.")
  package static let zeroVariance = Metric(
    "group/zero_variance",
    "Share of the groups that advantages compare whose rewards are all equal; they teach nothing.")
  package static let gradientNorm = Metric(
    "grad/norm", "Mean gradient norm of the update's optimiser steps, before clipping.")
  package static let skipped = Metric(
    "grad/skipped", "Optimiser steps refused because the gradient was not finite, or a spike.")
  package static let lag = Metric(
    "lag/versions",
    "Committed versions between the parameters that sampled and those that learn, mean over units.")
  package static let lagMax = Metric("lag/max", "The same of the oldest unit.")
  package static let effectiveShare = Metric(
    "importance/effective_share",
    "Effective share of the samples under their importance weights, (Σw)²/(n·Σw²): 1 unless the"
      + " schedule is freshest.")
  package static let secondsUpdate = Metric(
    "time/update", "Seconds from the previous commit to this one.")
  package static let secondsLearn = Metric(
    "time/learn", "Seconds of the learner's arithmetic in this update.")
  package static let secondsWait = Metric(
    "time/wait", "Seconds the learner waited for units of this update.")
  package static let secondsIdle = Metric(
    "time/idle",
    "Seconds of it and of the commit before in which the units were durable and the learner idle.")
  package static let pictureRate = Metric("rate/pictures", "Judged pictures a second.")
  package static let memory = Metric("memory/rss", "Resident memory of the learner, in MB.")
  package static let evaluations = Metric(
    "total/evaluations",
    "Network evaluations of sampling since version 0; with guidance a state is evaluated twice.")
  package static let judged = Metric("total/judged", "Pictures judged since version 0.")
  package static let coreSeconds = Metric(
    "total/core_seconds",
    "Core-seconds since version 0: processor time of the learner without its evaluations, and of the"
      + " actors' units; a reward that is a program or a server counts by the clock.")
  package static let refused = Metric(
    "peers/refused", "Messages of peers that the learner has refused since it was started.")

  // An evaluation: averaged weights, ODE, fixed noises, held-out prompts.

  package static let soft = Metric(
    "eval/soft", "Mean soft score on held-out prompts: EMA weights, ODE, fixed noises.")
  package static let strict = Metric("eval/strict", "Share of strictly right pictures, as above.")
  package static let heldOut = Metric("eval/held_out", "Mean score of the second judge, as above.")
  package static let heldOutReward = Metric(
    "eval/reward",
    "Mean training reward on held-out prompts, of several the weighted sum; of runs that train on more"
      + " than the task's judge.")
  package static let error = Metric(
    "eval/error",
    "Standard error, over the held-out prompts, of the reward that eval.best names.")
  package static let diversity = Metric(
    "diversity/mean", "Mean evenness of what the prompts leave open, 0...1; the base is near 1.")
  package static let offCanvas = Metric(
    "eval/off_canvas", "Share of results in which something reaches over the edge of the canvas.")

  /// What is written for an update, in the order of the reference page.
  package static let ofUpdates = [
    reward, rewardDeviation, policyLoss, divergence, firstRatio, samplerRatio,
    clipped, zeroVariance, gradientNorm, skipped, lag, lagMax, effectiveShare, secondsUpdate,
    secondsLearn, secondsWait, secondsIdle, pictureRate, memory, refused,
  ]

  /// What is written for an evaluation.
  package static let ofEvaluations = [
    soft, strict, heldOut, heldOutReward, error, diversity, offCanvas,
  ]

  /// What every line has.
  package static let ofBoth = [evaluations, judged, coreSeconds, wall]

  /// All that have one name; ``MetricFamily`` has the others.
  package static let all = ofUpdates + ofEvaluations + ofBoth

  /// The metric of a name, be it one of ``all`` or of a family; nil for a name that no run writes.
  package init?(named name: String) {
    guard
      let metric = Self.all.first(where: { $0.name == name })
        ?? MetricFamily.all.lazy.compactMap({ $0.member(named: name) }).first
    else { return nil }
    self = metric
  }
}
