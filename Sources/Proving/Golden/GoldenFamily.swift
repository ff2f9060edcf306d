/// How the cases of one kind of golden file are recomputed.
protocol GoldenFamily: SendableMetatype {
  /// Computes a case from its inputs and compares each of its outputs.
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
}

/// The families by the name that a file carries.
let goldenFamilies: [String: any GoldenFamily.Type] = [
  "sigma_schedules": SigmaSchedules.self,
  "flow_grpo_sde_step": FlowSDEStep.self,
  "flow_grpo_cps_step": FlowCPSStep.self,
  "flow_grpo_zero_noise_step": ZeroNoiseStep.self,
  "dance_sde_step": DanceSDEStep.self,
  "flowfactory_dynamics": FlowFactoryDynamics.self,
  "tempflow_branch_step": BranchStep.self,
  "tempflow_noise_weights": NoiseWeights.self,
  "tempflow_rollout": Rollout.self,
  "tempflow_loss": TempFlowLoss.self,
  "grpo_advantages": GroupAdvantages.self,
  "flowfactory_advantage": MixedAdvantages.self,
  "grpo_clipped_loss": FlowGRPOLoss.self,
  "ema": MovingAverage.self,
  "mixgrpo_step": MixStep.self,
  "mixgrpo_window": MixWindow.self,
  "mixgrpo_dpm_solver": MultistepSolver.self,
  "mixgrpo_rollout": MixRollout.self,
  "mixgrpo_dance_advantage": TrimmedAdvantages.self,
  "branchgrpo_split_step": SplitStep.self,
  "branchgrpo_tree_credit": TreeAdvantages.self,
  "g2rpo_granular_schedule": GranularSchedule.self,
  "vgpo_reference": StepwiseAdvantages.self,
  "nft_loss": NFTLoss.self,
  "nft_decay": NFTDecay.self,
  "awm_loss": AWMLoss.self,
  "awm_sa_updates": SAUpdates.self,
  "awm_sa_solver": SARun.self,
  "dgpo_loss": DGPOLoss.self,
  "dpo_loss": DPOLoss.self,
  "crd_loss": CRDLoss.self,
  "grpo_guard": GuardLoss.self,
]
