import Flow
import Objective
import Tasks

extension RunConfiguration {
  /// All settings, in the order of the resolved file.
  package static let keys: [Key] = [
    .choice("task.name", \.task, taskNames, "What is generated and judged."),
    .text(
      "task.train_prompts", \.trainPrompts,
      "auto, or a file of prompts to train on: lines of text, or .jsonl with a field prompt."),
    .text(
      "task.eval_prompts", \.evaluationPrompts, decidesNumbers: false,
      "auto, or a file of prompts to evaluate on."),
    .integer("model.width", \.width, 16...4096, "Width of the network; 16 · heads divides it."),
    .integer("model.depth", \.depth, 1...64, "Blocks of the network."),
    .integer("model.heads", \.heads, 1...64, "Attention heads."),
    .text(
      "model.init", \.initialWeights,
      "base (shipped with the task), random, or a safetensors file."),
    .choice("sample.grid", \.grid, ["uniform", "linear", "sd3"], "The grid of times."),
    .integer("sample.steps", \.steps, 2...1000, "T: steps of the grid."),
    .number("sample.shift", \.shift, 0.01...100, "Shift of the grids linear and sd3."),
    .choice(
      "sample.dynamics", \.dynamics, ["flow-sde", "dance-sde", "cps", "ode"],
      "What happens at a branching point."),
    .number(
      "sample.noise_level", \.noiseLevel, 0...10, "a of Flow-SDE, η of Dance-SDE and CPS."),
    .number(
      "sample.guidance", \.guidance, 0...100,
      "w of classifier-free guidance, in rollout, training and evaluation; 1 is without."),
    .integer("group.prompts", \.prompts, 1...4096, "Prompts of one update."),
    .integer("group.seeds", \.seeds, 1...1024, "Seeds of each prompt; one unit each."),
    .integer("group.branches", \.branches, 1...4095, "K: branches of each branching point."),
    .text("group.branch_steps", \.branchSteps, "The steps that branch, such as 0..7."),
    .rewards,
    .choice(
      "reward.mix", \.rewardMix, RewardMix.Kind.allCases.map(\.rawValue),
      "Where several rewards are weighed and summed: as rewards, as advantages, or as gdpo does."),
    .integer(
      "reward.patience", \.rewardPatience, 1...1_000_000, decidesNumbers: false,
      "Failures of rewards in a row that pause the run."),
    .choice(
      "advantage.over", \.advantageOver, CreditAssignment.Group.allCases.map(\.rawValue),
      "Which branches of a step share a mean."),
    .choice(
      "advantage.std", \.advantageDeviation, CreditAssignment.Deviation.allCases.map(\.rawValue),
      "Over what the deviation is taken."),
    .number("advantage.floor", \.advantageFloor, 0...1, "Added to the deviation."),
    .number("advantage.clip", \.advantageClip, 0.01...1000, "Advantages are held in ±clip."),
    .choice(
      "loss.log_density", \.logDensity, DensityReduction.allCases.map(\.rawValue),
      "How a log-density is taken over its D scalars; clip widths belong to one of these."),
    .number("loss.clip", \.clip, 0...100, "c: the ratio is held in 1 ± c."),
    .choice(
      "loss.weight", \.weight, StepWeight.allCases.map(\.rawValue), "Weight of each step's loss."),
    .choice(
      "loss.kl.kind", \.klKind, Regulariser.Kind.allCases.map(\.rawValue),
      "Form of the divergence from the reference."),
    .number("loss.kl.beta", \.klBeta, 0...1000, "β; 0 leaves the reference out."),
    .number(
      "loss.kl.target", \.klTarget, 0...1e6,
      "The divergence that an adaptive β holds; 0 keeps β as it is."),
    .number("optim.learning_rate", \.learningRate, 0...10, "AdamW's step."),
    .number("optim.beta1", \.beta1, 0...0.99999, "AdamW's first moment decay."),
    .number("optim.beta2", \.beta2, 0...0.999999, "AdamW's second moment decay."),
    .number("optim.weight_decay", \.weightDecay, 0...10, "Decoupled weight decay."),
    .integer("optim.minibatches", \.minibatches, 1...4096, "m: optimiser steps of one update."),
    .integer("optim.chunk_units", \.chunkUnits, 1...4096, "Units of one gradient chunk."),
    .number("optim.max_grad_norm", \.maximumGradientNorm, 1e-6...1e9, "Gradient clipping."),
    .number(
      "optim.spike_factor", \.spikeFactor, 0...1e6,
      "Refuse steps whose gradient is so many times longer than usual; 0 refuses none."),
    .number("optim.ema.max", \.emaMaximum, 0...0.999999, "Largest decay of the average."),
    .integer("optim.ema.interval", \.emaInterval, 1...100_000, "Average every so many steps."),
    .flag("optim.ema.warm_up", \.emaWarmsUp, "Decay min(max, (1 + n) / (10 + n))."),
    .integer("schedule.lag", \.lag, 0...64, "S: update k samples with version max(0, k − S)."),
    .number(
      "schedule.audit", \.auditShare, 0...1, decidesNumbers: false,
      "Share of units that two actors compute, whose bytes are compared."),
    .integer(
      "eval.every", \.evaluationInterval, 0...1_000_000, decidesNumbers: false,
      "Evaluate every so many updates; 0: only before and after."),
    .integer(
      "eval.ode_steps", \.evaluationSteps, 1...1000, decidesNumbers: false,
      "Steps of the evaluation's ODE sampler."),
    .integer(
      "eval.noises", \.evaluationNoises, 1...4095, decidesNumbers: false,
      "Fixed noises of each evaluation prompt."),
    .integer(
      "save.every", \.checkpointInterval, 1...1_000_000, decidesNumbers: false,
      "Write a checkpoint every so many updates."),
    .integer(
      "save.keep_last", \.checkpointsKept, 1...100_000, decidesNumbers: false,
      "Checkpoints that are kept, the newest first; the first and the best are kept besides."),
    .integer(
      "save.keep_every", \.checkpointsKeptEvery, 0...1_000_000, decidesNumbers: false,
      "Keep checkpoints of every so many versions for good; 0: none."),
    .integer(
      "updates", \.updates, 0...100_000_000, decidesNumbers: false,
      "Updates of the run unless --updates says otherwise."),
    .seed,
  ]

  /// Every key with its present value and its meaning, for people.
  package var settings: [(path: String, value: String, meaning: String)] {
    Self.keys.map { ($0.path, $0.read(self), $0.meaning) }
  }
}
