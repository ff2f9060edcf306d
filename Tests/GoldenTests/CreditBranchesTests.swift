import Foundation
import Testing

import Golden

/// Branches of the released advantages and losses that the given files do not reach: ties, groups of one,
/// groups without variance, trees that are not balanced, advantages of exactly 0.
struct CreditBranchesTests {
  @Test func `all that tie for the best are chosen, of all steps of a group together`() throws {
    func expect(_ rewards: [Any], _ groups: [Int], _ advantages: [Any]) throws {
      let report = try report(
        on: "grpo_advantages",
        [
          "type": "sft", "ddof": 0, "eps": 1e-4, "global_std": false, "rewards": rewards,
          "group_id": groups, "advantages": advantages,
        ])
      #expect(report.status == .passed, "\(report.failures)")
    }
    try expect([1, 3, 3, 0], [0, 0, 0, 0], [0, 1, 1, 0])
    try expect([2, 5, 2, 5, 7], [1, 0, 1, 0, 2], [1, 1, 1, 1, 1])
    try expect([[1, 2], [3, 0], [3, 3]], [0, 0, 0], [[0, 0], [1, 0], [1, 1]])
  }

  @Test func `of equal rewards the second stands for the best and the first for the worst`() throws
  {
    for (rewards, groups, advantages) in [
      ([4, 4, 4], [0, 0, 0], [-1, 1, 0]), ([4, 1, 4, 1], [0, 1, 0, 1], [-1, -1, 1, 1]),
      ([4, 1, 9, 1], [0, 0, 0, 0], [0, -1, 1, 0]),
    ] {
      let report = try report(
        on: "grpo_advantages",
        [
          "type": "dpo", "ddof": 0, "eps": 1e-4, "global_std": true, "rewards": rewards,
          "group_id": groups, "advantages": advantages,
        ])
      #expect(report.status == .passed, "\(report.failures)")
    }
  }

  @Test(arguments: [true, false])
  func `a group of one, and one without variance, has advantages of 0`(isGlobal: Bool) throws {
    let rewards = [0.5, 0.25, 0.25, 1, 3]
    let groups = [7, 2, 2, 3, 3]
    let mean = rewards.reduce(0, +) / 5
    let spread = (rewards.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 5).squareRoot()
    for (name, floor) in [("grpo_advantages", 1e-4), ("flowfactory_advantage", 0)] {
      let end = 1 / ((isGlobal ? spread : 1) + floor)
      let report = try report(
        on: name,
        [
          "type": "grpo", "ddof": 0, "eps": floor, "kind": "sum", "global_std": isGlobal,
          "rewards": name == "grpo_advantages" ? rewards : ["a": rewards] as Any,
          "weights": ["a": 1], "group_id": groups, "advantages": [0, 0, 0, -end, end],
        ])
      #expect(report.status == .passed, "\(report.failures)")
    }
  }

  @Test func `a deviation below the least one counts as that`() throws {
    let report = try report(
      on: "flowfactory_advantage",
      [
        "kind": "sum", "global_std": false, "weights": ["a": 1],
        "rewards": ["a": [0, 9.5367431640625e-7]], "group_id": [0, 0],
        "advantages": [-0.476837158203125, 0.476837158203125],
      ])
    #expect(report.status == .passed, "\(report.failures)")
  }

  @Test func `GDPO gives 0 where nothing varies`() throws {
    let report = try report(
      on: "flowfactory_advantage",
      [
        "kind": "gdpo", "global_std": true, "weights": ["a": 1, "b": 2],
        "rewards": ["a": [0.5, 0.5], "b": [1, 1]], "group_id": [0, 0], "advantages": [0, 0],
      ])
    #expect(report.status == .passed, "\(report.failures)")
  }

  @Test(arguments: [
    (3, 0.5), (4, 0.25), (4, 0.9), (1, 0), (5, 0.5), (9, 0), (2, 1), (3, 0.34),
  ])
  func `trimming leaves at least one reward, and rows beyond whole groups have 0`(
    size: Int, trimmed: Double
  ) throws {
    let rewards = [0.75, 0.125, 0.5, 1.0, 0.25, 0.625, 0.0]
    var advantages = rewards.map { _ in 0.0 }
    for group in 0..<rewards.count / size {
      let members = Array(rewards[group * size..<(group + 1) * size])
      let kept = members.sorted().dropFirst(min(Int(Double(size) * trimmed), size - 1))
      let mean = kept.reduce(0, +) / Double(kept.count)
      let squares = kept.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let deviation = (squares / Double(kept.count - 1)).squareRoot() + 1e-8
      for (place, reward) in members.enumerated() {
        advantages[group * size + place] = (reward - mean) / deviation
      }
    }
    for (mode, weights, table) in [
      ("reward_aggr", NSNull(), rewards), ("advantage_aggr", [0.5, 0.5], [rewards, rewards]),
    ] as [(String, Any, Any)] {
      let report = try report(
        on: "mixgrpo_dance_advantage",
        [
          "mode": mode, "group_size": size, "trimmed_ratio": trimmed, "weights": weights,
          "rewards": table, "out": ["advantage": advantages],
        ])
      #expect(report.status == .passed, "\(report.failures)")
    }
  }

  @Test(arguments: [
    // Three leaves under one child of the root and one under the other.
    [-1, 0, 0, 1, 1, 1, 2], [-1, 0, 1, 2], [-1, 0, 0, 0, 1, 3, 3, 4, 5, 5], [-1],
  ])
  func `an inner node is worth its leaves alike, or its children by their edges`(parents: [Int])
    throws
  {
    let nodes = parents.indices
    func children(_ node: Int) -> [Int] { nodes.filter { parents[$0] == node } }
    func depth(_ node: Int) -> Int { parents[node] < 0 ? 0 : 1 + depth(parents[node]) }
    func leaves(_ node: Int) -> [Int] {
      children(node).isEmpty ? [node] : children(node).flatMap(leaves)
    }
    let edges = nodes.map { $0 == 0 || $0 % 5 == 4 ? Double.nan : 0.375 * Double($0 % 3) - 0.5 }
    func reward(_ leaf: Int) -> Double { Double(leaf * leaf % 7) / 8 }
    func value(_ node: Int, byEdges: Bool) -> Double {
      if children(node).isEmpty { return reward(node) }
      if !byEdges { return leaves(node).reduce(0) { $0 + reward($1) } / Double(leaves(node).count) }
      let powers = children(node).map { exp(edges[$0].isNaN ? 0 : edges[$0]) }
      return zip(powers, children(node)).reduce(0) {
        $0 + $1.0 / powers.reduce(0, +) * value($1.1, byEdges: true)
      }
    }
    for byEdges in [false, true] {
      let values = nodes.map { value($0, byEdges: byEdges) }
      let advantages = nodes.map { node in
        let row = nodes.filter { depth($0) == depth(node) }.map { values[$0] }
        let mean = row.reduce(0, +) / Double(row.count)
        let squares = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let deviation = row.count > 1 ? (squares / Double(row.count - 1)).squareRoot() : 0
        return deviation < 1e-6 ? 0 : (values[node] - mean) / (deviation + 1e-8)
      }
      let ends = leaves(0)
      let report = try report(
        on: "branchgrpo_tree_credit",
        [
          "prob_weighted": byEdges, "node_parent": parents, "node_depth": nodes.map(depth),
          "node_edge_log_prob": edges, "leaf_node_ids": ends, "leaf_rewards": ends.map(reward),
          "out": ["node_value": values, "node_advantage": advantages],
        ])
      #expect(report.status == .passed, "\(byEdges): \(report.failures)")
    }
  }

  @Test(arguments: [false, true])
  func `DGPO masks an advantage of 0 as a bad one`(alsoDivergence: Bool) throws {
    // One number each: ℓ = (v − u)², ℓ_old = (v_old − u)².
    let (v, u, old, reference) = ([1.0, 1, 1], [0.0, 0, 0], [0.5, 0.5, 2], [0.25, 0.5, 0])
    let advantages = [0.0, 0, 1]
    let errors = zip(v, u).map { ($0 - $1) * ($0 - $1) }
    let offsets = errors.indices.map { exp((old[$0] - u[$0]) * (old[$0] - u[$0]) - errors[$0]) - 1 }
    let masks = zip(advantages, offsets).map { $0 > 0 ? $1 > 0.25 : $1 < -0.25 }
    #expect(masks == [true, true, true])
    let argument = advantages.indices.reduce(0) {
      let referenceError = (reference[$1] - u[$1]) * (reference[$1] - u[$1])
      return $0 + advantages[$1] * 10 * (errors[$1] - referenceError) / 3
    }
    let weight = 1 / (1 + exp(-argument))
    let loss = zip(advantages, errors).reduce(0) { $0 + weight * $1.0 * $1.1 } / 3
    let divergence = zip(v, reference).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 3
    let gradient = v.indices.map { row in
      alsoDivergence ? 0 : 0.5 * 2 * (v[row] - reference[row]) / 3
    }
    let report = try report(
      on: "dgpo_loss",
      [
        "group_size": 3, "group_id": [0, 0, 0], "dpo_beta": 10, "clip_range": [-0.25, 0.25],
        "clip_dsm": true, "clip_kl": alsoDivergence, "kl_beta": 0.5, "advantages": advantages,
        "v": v.map { [$0] }, "target_v": u.map { [$0] }, "v_old": old.map { [$0] },
        "v_ref": reference.map { [$0] },
        "out": [
          "dsm": errors, "clip_mask": [1, 1, 1], "group_argument": [argument],
          "group_weight": [weight], "dgpo_loss": loss, "kl": divergence,
          "loss": loss + 0.5 * divergence, "dloss_dv": gradient.map { [$0] },
        ],
      ])
    #expect(report.status == .passed, "\(report.failures)")
  }

  @Test(arguments: [0.0, 0.5])
  func `AWM's second divergence counts only beside the first`(beta: Double) throws {
    // ℓ = (v − (x₁ − x₀))², log p = −ℓ, ρ = e^{ℓ_old − ℓ}.
    let (v, clean, noise, old, reference, average) = (0.75, 0.25, 0.5, 0.5, 0.5, 0.125)
    let target = noise - clean
    let (error, oldError) = ((v - target) * (v - target), (old - target) * (old - target))
    let ratio = exp(oldError - error)
    let policy = -ratio
    let (first, second) = (
      (v - reference) * (v - reference), (v - average) * (v - average)
    )
    let slope = policy * -1 * 2 * (v - target)
    let added = beta > 0 ? beta * 2 * (v - reference) + 2 * 2 * (v - average) : 0
    let report = try report(
      on: "awm_loss",
      [
        "weighting": "Uniform", "loss_type": "exp_first", "beta": beta, "ema_beta": 2,
        "clip_range": 1, "advantage_max": NSNull(), "adv_clip_max": 5, "ghuber_power": 0.25,
        "K": 1, "B": 1, "t": [0.5], "advantages": [1], "clean": [[[clean]]], "noise": [[[noise]]],
        "v": [[[v]]], "v_old": [[[old]]], "v_ref": [[[reference]]], "v_ema": [[[average]]],
        "out": [
          "log_prob": [[-error]], "log_prob_old": [[-oldError]], "ratio": [[ratio]],
          "policy_loss": policy, "kl_loss": beta > 0 ? first : Double.nan,
          "ema_kl_loss": beta > 0 ? second : Double.nan,
          "loss": policy + (beta > 0 ? beta * first + 2 * second : 0),
          "dloss_dv": [[[slope + added]]],
        ],
      ])
    #expect(report.status == .passed, "\(report.failures)")
  }
}
