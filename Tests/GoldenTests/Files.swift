import Foundation

/// `Tests/Golden` beside this target.
let goldenDirectory = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Golden").path

/// The files that must be there: a missing one fails a test and skips nothing.
let goldenNames = [
  "awm_loss", "crd_loss", "dance_sde_step", "dgpo_loss", "dpo_loss", "ema", "flow_grpo_cps_step",
  "flow_grpo_sde_step", "flow_grpo_zero_noise_step", "flowfactory_advantage",
  "flowfactory_dynamics", "grpo_advantages", "grpo_clipped_loss", "grpo_guard", "nft_decay",
  "nft_loss", "sigma_schedules", "tempflow_branch_step", "tempflow_loss",
  "tempflow_noise_weights", "tempflow_rollout",
]
