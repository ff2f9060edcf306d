import Foundation
import TestSupport
import Testing

import Objective

struct TreeCreditTests {
  @Test(arguments: 1...30 as ClosedRange<UInt64>, TreeCredit.Fusion.allCases)
  func `no reward is lost between the leaves and the root`(
    seed: UInt64, fusion: TreeCredit.Fusion
  ) {
    var random = SplitMix64(seed: seed)
    let tree = Tree(&random)
    let credit = TreeCredit(fusion: fusion)
    let values = credit.values(parents: tree.parents, edges: tree.edges, rewards: tree.rewards)
    // The share of the root that reaches each node, walked down from it.
    var mass = tree.parents.map { $0 == nil ? 1.0 : 0 }
    for node in tree.parents.indices.dropFirst() {
      let parent = tree.parents[node]!
      let siblings = tree.parents.indices.filter { tree.parents[$0] == parent }
      let whole = siblings.map { exp(tree.edges[$0]) }.reduce(0, +)
      let share =
        fusion == .mean ? 1 / Double(siblings.count) : exp(tree.edges[node]) / whole
      mass[node] = mass[parent] * share
    }
    let paid = tree.rewards.map { mass[$0.key] * $0.value }.reduce(0, +)
    #expect(abs(values[0] - paid) < 1e-9)
    #expect(abs(tree.rewards.keys.map { mass[$0] }.reduce(0, +) - 1) < 1e-9)
  }

  @Test(arguments: 1...30 as ClosedRange<UInt64>)
  func `advantages of a depth are standard scores`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let tree = Tree(&random)
    let credit = TreeCredit(fusion: .mean)
    let values = credit.values(parents: tree.parents, edges: tree.edges, rewards: tree.rewards)
    let advantages = credit.advantages(of: values, parents: tree.parents)
    let depths = TreeCredit.depths(tree.parents)
    for depth in Set(depths) {
      let nodes = depths.indices.filter { depths[$0] == depth }
      let scores = nodes.map { advantages[$0] }
      #expect(abs(scores.reduce(0, +)) < 1e-9)
      if nodes.count == 1 { #expect(scores == [0]) }
      if nodes.count > 1 {
        let squares = scores.map { $0 * $0 }.reduce(0, +)
        #expect(abs(squares - Double(nodes.count - 1)) < 1e-3)
      }
    }
  }

  @Test func `equal rewards earn nothing`() {
    let credit = TreeCredit(fusion: .pathProbability)
    let parents: [Int?] = [nil, 0, 0, 1, 1, 2, 2]
    let values = credit.values(
      parents: parents, edges: [0, 1, 2, 3, 4, 5, 6], rewards: [3: 2, 4: 2, 5: 2, 6: 2])
    #expect(values.allSatisfy { abs($0 - 2) < 1e-12 })
    #expect(credit.advantages(of: values, parents: parents).allSatisfy { $0 == 0 })
  }
}

/// A random tree, parents before children, all leaves judged.
private struct Tree {
  var parents: [Int?] = [nil]
  var edges: [Double] = [0]
  var rewards: [Int: Double] = [:]

  init(_ random: inout SplitMix64) {
    var level = [0]
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      var below: [Int] = []
      let children = Int.random(in: 1...3, using: &random)
      for parent in level {
        for _ in 0..<children {
          below.append(parents.count)
          parents.append(parent)
          edges.append(.random(in: -2...2, using: &random))
        }
      }
      level = below
    }
    for leaf in level { rewards[leaf] = .random(in: -3...3, using: &random) }
  }
}
