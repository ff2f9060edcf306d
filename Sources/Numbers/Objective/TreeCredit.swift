import Tensor

/// Advantages on a tree of branches (BranchGRPO, arXiv:2509.06040, §3.2): leaves are judged, every
/// inner node is worth what its children are, and an edge earns what its lower node is worth beside
/// all nodes of that depth.
///
///     V(n) = Σ_c p_c·V(c),        p_c = leaves of c/leaves of n, or softmax of log p(edge to c)
///     A(n) = (V(n) − mean_depth V) / (std_depth V + floor),     std with n − 1
///
/// and A = 0 where a depth has one node or no spread. The weights of a node's children add up to 1, so
/// the root's value is an average of the rewards; advantages add up to 0 at every depth.
package struct TreeCredit: Hashable, Sendable {
  package enum Fusion: String, Sendable, CaseIterable {
    /// Every leaf counts alike: the release's default.
    case mean
    /// By how likely each child was: the paper's.
    case pathProbability = "path-probability"
  }

  package var fusion: Fusion
  /// Added to the deviation.
  package var floor: Double

  package init(fusion: Fusion, floor: Double = 1e-8) {
    self.fusion = fusion
    self.floor = floor
  }

  /// V of every node, `[n]`.
  ///
  /// - Parameters:
  ///   - parents: `[n]`, each below its child's number; nil at a root.
  ///   - edges: log p of the edge into each node, `[n]`.
  ///   - rewards: of each leaf, by its number; a leaf without one counts 0.
  package func values(parents: [Int?], edges: [Double], rewards: [Int: Double]) -> [Double] {
    var children = [[Int]](repeating: [], count: parents.count)
    for (node, parent) in parents.enumerated() {
      if let parent { children[parent].append(node) }
    }
    var values = [Double](repeating: 0, count: parents.count)
    var leaves = [Int](repeating: 1, count: parents.count)
    for node in parents.indices.reversed() {
      if children[node].isEmpty {
        values[node] = rewards[node] ?? 0
      } else {
        leaves[node] = children[node].reduce(0) { $0 + leaves[$1] }
        let weights =
          fusion == .mean
          ? children[node].map { Double(leaves[$0]) / Double(leaves[node]) }
          : softmax(children[node].map { edges[$0] })
        values[node] = zip(weights, children[node]).reduce(0) { $0 + $1.0 * values[$1.1] }
      }
    }
    return values
  }

  /// A of every node, `[n]`.
  package func advantages(of values: [Double], parents: [Int?]) -> [Double] {
    var advantages = [Double](repeating: 0, count: values.count)
    let depths = Self.depths(parents)
    for nodes in Dictionary(grouping: values.indices, by: { depths[$0] }).values
    where nodes.count > 1 {
      let mean = nodes.reduce(0) { $0 + values[$1] } / Double(nodes.count)
      let squares = nodes.reduce(0) { $0 + (values[$1] - mean) * (values[$1] - mean) }
      let deviation = (squares / Double(nodes.count - 1)).squareRoot()
      guard deviation >= 1e-6 else { continue }
      for node in nodes { advantages[node] = (values[node] - mean) / (deviation + floor) }
    }
    return advantages
  }

  /// Edges from the root, `[n]`.
  package static func depths(_ parents: [Int?]) -> [Int] {
    var depths = [Int](repeating: 0, count: parents.count)
    for (node, parent) in parents.enumerated() {
      if let parent {
        precondition(parent < node, "node \(node) comes before its parent")
        depths[node] = depths[parent] + 1
      }
    }
    return depths
  }

  private func softmax(_ edges: [Double]) -> [Double] {
    let largest = edges.max() ?? 0
    let powers = edges.map { ExactMath.exponential($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}
