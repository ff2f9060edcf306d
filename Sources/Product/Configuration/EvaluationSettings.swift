import Flow
package import Learning

/// `eval.*`: how a run is measured.
package struct EvaluationSettings: Hashable, Sendable {
  package var interval = 10
  package var steps = 10
  package var noises = 4
  package var bestOf = 1
  package var best = "auto"
  package var asksRewards = true
  package var guidance = -1.0
  package var place = EvaluationOptions.Place.learner

  static let keys: [Key] = [
    .integer(
      "eval.every", \.evaluation.interval, 0...1_000_000, decidesNumbers: false,
      "Evaluate every so many updates; 0: only before and after."),
    .integer(
      "eval.ode_steps", \.evaluation.steps, 1...1000, decidesNumbers: false,
      "Steps of the evaluation's ODE sampler."),
    .integer(
      "eval.noises", \.evaluation.noises, 1...4095, decidesNumbers: false,
      "Fixed noises of each evaluation prompt."),
    .later(
      .integer(
        "eval.best_of", \.evaluation.bestOf, 1...1000, decidesNumbers: false,
        "Samples of which the judge takes the best, in evaluations alone.")),
    .later(
      .text(
        "eval.best", \.evaluation.best, decidesNumbers: false,
        "What ranks versions, for the best checkpoint, alarms, frames and comparisons: soft, strict,"
          + " held-out, reward (the training reward), or a reward's name. auto: the training reward where a"
          + " program or a server is one, else held-out, with strict for alarms and frames.")),
    .later(
      .flag(
        "eval.rewards", \.evaluation.asksRewards, decidesNumbers: false,
        "Ask the training rewards about held-out prompts, too.")),
    .later(
      .choice(
        "eval.by", \.evaluation.place, decidesNumbers: false,
        "Who samples evaluations and asks the rewards: learner, which does nothing else meanwhile, or actors,"
          + " in parts, while they wait for training's units; the table is the same.")),
    .later(
      .number(
        "eval.guidance", \.evaluation.guidance, -1...100, decidesNumbers: false,
        "w of guidance in evaluations; -1: as sample.guidance.")),
  ]

  var options: EvaluationOptions {
    EvaluationOptions(
      interval: interval, odeSteps: steps, noises: noises, bestOf: bestOf, best: best,
      asksRewards: asksRewards, place: place)
  }
}
