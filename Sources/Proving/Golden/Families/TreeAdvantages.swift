import Objective

/// `branchgrpo_tree_credit`: values from the leaves up and advantages by depth.
enum TreeAdvantages: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    var parents: [Int?] = []
    for (node, entry) in try example["node_parent"].entries(nil).enumerated() {
      let parent = try entry.integer(in: -1...node - 1)
      parents.append(parent < 0 ? nil : parent)
    }
    // An edge that the ODE took has none, which the peer counts as 0.
    let edges = try example["node_edge_log_prob"].numbers(parents.count).map { $0.isNaN ? 0 : $0 }
    let earned = try example["leaf_rewards"].numbers()
    var rewards: [Int: Double] = [:]
    for (entry, reward) in zip(try example["leaf_node_ids"].entries(earned.count), earned) {
      rewards[try entry.integer(in: 0...parents.count - 1)] = reward
    }
    let credit = TreeCredit(
      fusion: try example["prob_weighted"].flag() ? .pathProbability : .mean)
    let values = credit.values(parents: parents, edges: edges, rewards: rewards)
    try comparison.expect(
      TreeCredit.depths(parents).map(Double.init), at: example["node_depth"])
    let out = try example["out"]
    try comparison.expect(values, at: out["node_value"])
    try comparison.expect(
      credit.advantages(of: values, parents: parents), at: out["node_advantage"])
  }
}
