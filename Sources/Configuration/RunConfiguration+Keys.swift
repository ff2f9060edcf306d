import Flow
import Objective
import Records
import Roles
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
      "sample.dynamics", \.dynamics, noisyDynamics.map(\.name) + ["ode"],
      "What happens at a branching point."),
    .number(
      "sample.noise_level", \.noiseLevel, 0...10, "a of Flow-SDE, η of Dance-SDE and CPS."),
    .number(
      "sample.guidance", \.guidance, 0...100,
      "w of classifier-free guidance, in rollout, training and evaluation; 1 is without."),
    .later(
      .choice(
        "sample.continuation", \.continuation,
        ["euler", "strides", "multistep", "projection", "adams"],
        "How a branch is finished; of a plan without noise, how the trunk is sampled.")),
    .later(
      .text(
        "sample.strides", \.strides,
        "Of the continuation strides: the strides, one outcome each, such as 1,2,3.")),
    .later(
      .number(
        "sample.tail_ratio", \.tailRatio, 0.01...1,
        "Of the continuation multistep: which share of the rest's steps it takes.")),
    .later(
      .integer(
        "sample.solver_order", \.solverOrder, 1...3, "Order of the solvers multistep and adams.")),
    .later(
      .number("sample.solver_noise", \.solverNoise, 0...10, "τ of the continuation adams.")),
    .integer("group.prompts", \.prompts, 1...4096, "Prompts of one update."),
    .integer("group.seeds", \.seeds, 1...1024, "Seeds of each prompt; one unit each."),
    .integer("group.branches", \.branches, 1...4095, "K: branches of each branching point."),
    .text(
      "group.branch_steps", \.branchSteps,
      "The steps that branch, such as 0..7, or none: then the trunks themselves are judged."),
    .later(
      .choice(
        "group.from", \.growFrom, BranchingPlan.Origin.allCases.map(\.rawValue),
        "What a branching step starts from: the trunk, or every branch of the step before.")),
    .later(
      .integer(
        "group.trunks", \.trunks, 1...1024,
        "Trunks of one unit, each from a noise of its own; an actor samples them together.")),
    .later(
      .flag("group.shared_noise", \.sharesNoise, "All trunks of a prompt begin at one noise.")),
    .later(
      .text(
        "group.split_steps", \.splitSteps,
        "The branching steps with group.branches branches, such as 0,3,6; the others have 1.")),
    .later(
      .number(
        "group.split_strength", \.splitStrength, 0...1000,
        "How far branches of one state lie from the noise that they share; 0: they share none.")),
    .later(
      .number(
        "group.trained_share", \.trainedShare, 0.001...1,
        "The share of a unit's branching states that is trained, drawn for each unit.")),
    .later(
      .choice(
        "group.prune", \.prune, Pruning.allCases.map(\.rawValue),
        "Which branches are trained: all, or those of each unit's best and worst outcome.")),
    .later(
      .choice(
        "window.of", \.windowOf, Algorithm.WindowUse.allCases.map(\.rawValue),
        "What is left out outside of the window: noise, or training alone.")),
    .later(
      .choice(
        "window.kind", \.windowKind,
        ["none", "progressive", "frozen", "random", "decay", "exponential"],
        "Whether only some of the branching steps draw noise in an update, and how they move on.")),
    .later(.integer("window.width", \.windowWidth, 1...1000, "Steps of the window.")),
    .later(
      .integer("window.stay", \.windowStay, 1...100_000, "Updates that a window stays, at most.")),
    .later(
      .integer("window.stride", \.windowStride, 1...1000, "Steps by which a window moves on.")),
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
    .later(
      .choice(
        "advantage.kind", \.advantageKind, ["outcomes", "best", "tree", "stepwise"],
        "What an advantage is made of: outcomes, the best alone, a tree's values, rewards on the way."
      )
    ),
    .later(
      .flag("advantage.unbiased", \.advantageIsUnbiased, "The deviation divides by n − 1.")),
    .later(
      .number(
        "advantage.trimmed", \.advantageTrimmed, 0...0.9,
        "Share of the lowest rewards that mean and deviation leave out.")),
    .later(
      .choice(
        "advantage.fusion", \.advantageFusion, TreeCredit.Fusion.allCases.map(\.rawValue),
        "Of trees: how a node's value comes from its children's.")),
    .later(
      .number(
        "advantage.discount", \.advantageDiscount, 0...1, "γ of stepwise advantages.")),
    .later(
      .number("advantage.pull", \.advantagePull, 0...100, "k of stepwise advantages.")),
    .later(
      .integer(
        "advantage.pull_steps", \.advantagePullingSteps, 0...1000,
        "Steps of stepwise advantages that pull.")),
    .later(
      .choice(
        "loss.kind", \.loss,
        ["clipped", "guarded", "regression", "awm", "nft", "dgpo", "dpo", "crd"],
        "What is trained on: ratios of recorded noises (clipped, guarded), or clean outcomes.")),
    .later(
      .number("loss.beta", \.matchingBeta, 1e-6...1e6, "β of nft, dgpo, dpo and crd.")),
    .later(
      .integer(
        "loss.times", \.matchingTimes, 1...1000, "K: times at which an outcome is matched.")),
    .later(
      .choice(
        "loss.weighting", \.weighting, ["uniform", "time", "time-squared", "huber", "ghuber"],
        "Of awm: how an error becomes a log-density.")),
    .later(
      .choice(
        "loss.ratio_of", \.ratioOf, ["each", "mean"],
        "Of awm: one ratio for each time, or one of their mean.")),
    .later(
      .choice(
        "loss.shares", \.shares, NegativeAwareFineTuning.Advantages.allCases.map(\.rawValue),
        "Of nft: which advantages count.")),
    .later(
      .number(
        "loss.temperature", \.temperature, -1...1000,
        "Of crd: T of the centre's weights; 0: the hard ones, below 0: even ones.")),
    .later(
      .choice(
        "loss.fit", \.fit, CentredReward.Kind.allCases.map(\.rawValue),
        "Of crd: how gains meet advantages.")),
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
    .later(
      .number(
        "loss.kl.average_beta", \.averageBeta, 0...1000,
        "β of the divergence from a slow average of the policy; 0 keeps none.")),
    .number("optim.learning_rate", \.learningRate, 0...10, "AdamW's step."),
    .number("optim.beta1", \.beta1, 0...0.99999, "AdamW's first moment decay."),
    .number("optim.beta2", \.beta2, 0...0.999999, "AdamW's second moment decay."),
    .number("optim.weight_decay", \.weightDecay, 0...10, "Decoupled weight decay."),
    .integer("optim.minibatches", \.minibatches, 1...4096, "m: optimiser steps of one update."),
    .later(
      .choice(
        "optim.minibatch_by", \.minibatchesBy, Recipe.MinibatchAxis.allCases.map(\.rawValue),
        "What the optimiser steps of an update share out: its units or its branching steps.")),
    .integer("optim.chunk_units", \.chunkUnits, 1...4096, "Units of one gradient chunk."),
    .number("optim.max_grad_norm", \.maximumGradientNorm, 1e-6...1e9, "Gradient clipping."),
    .number(
      "optim.spike_factor", \.spikeFactor, 0...1e6,
      "Refuse steps whose gradient is so many times longer than usual; 0 refuses none."),
    .number("optim.ema.max", \.emaMaximum, 0...0.999999, "Largest decay of the average."),
    .integer("optim.ema.interval", \.emaInterval, 1...100_000, "Average every so many steps."),
    .flag("optim.ema.warm_up", \.emaWarmsUp, "Decay min(max, (1 + n) / (10 + n))."),
    .integer("schedule.lag", \.lag, 0...64, "S: update k samples with version max(0, k − S)."),
    .later(
      .choice(
        "schedule.kind", \.schedule, Schedule.Kind.allCases.map(\.rawValue),
        "Units of update k are sampled with version k − S, or with the newest, at most S behind.")),
    .later(
      .number(
        "schedule.importance_cap", \.importanceCap, 1...1000,
        "Of freshest: the most that a sample counts for what the parameters moved since.")),
    .later(
      .choice(
        "schedule.sampling_lag", \.samplingLag, ["none", "slow", "late"],
        "How the policy that samples lags behind the trained one (nft, crd).")),
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
      "eval.best_of", \.evaluationBestOf, 1...1000, decidesNumbers: false,
      "Samples of which the judge takes the best, in evaluations alone."),
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
      "journal.keep", \.journalKept, 0...1_000_000_000, decidesNumbers: false,
      "Updates that stay in the journal, whole files alone; 0: all. Older ones cannot be replayed. Needs"
        + " save.keep_last of 2 or more."),
    .integer(
      "journal.file_mb", \.journalFileMegabytes, 1...65_536, decidesNumbers: false,
      "Size of one file of the journal, in MiB."),
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
