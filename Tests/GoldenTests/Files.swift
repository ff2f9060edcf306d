import Foundation

/// `Tests/Golden` beside this target.
let goldenDirectory = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Golden").path

/// The files that must be there: a missing one fails a test and skips nothing.
let goldenNames = [
  "awm_loss", "awm_sa_solver", "awm_sa_updates", "branchgrpo_split_step", "branchgrpo_tree_credit",
  "crd_loss", "dance_sde_step",
  "dgpo_loss", "dpo_loss", "ema", "flow_grpo_cps_step", "flow_grpo_sde_step",
  "flow_grpo_zero_noise_step", "flowfactory_advantage", "flowfactory_dynamics",
  "g2rpo_granular_schedule", "grpo_advantages", "grpo_clipped_loss", "grpo_guard",
  "mixgrpo_dance_advantage", "mixgrpo_dpm_solver", "mixgrpo_rollout", "mixgrpo_step",
  "mixgrpo_window", "nft_decay", "nft_loss", "sigma_schedules", "tempflow_branch_step",
  "tempflow_loss", "tempflow_noise_weights", "tempflow_rollout",
]
