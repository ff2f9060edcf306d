/// What every decision of an update's units was worth beside others like it.
package struct Advantages: Hashable, Sendable {
  /// Of what the trunks themselves ended in, `[unit][outcome]`.
  package var outcomes: [[Float]]
  /// Of each drawn noise, `[unit][point][branch]`.
  package var branches: [[[Float]]]

  package init(outcomes: [[Float]], branches: [[[Float]]]) {
    self.outcomes = outcomes
    self.branches = branches
  }

  /// Of some of the units.
  package subscript(range: Range<Int>) -> Advantages {
    Advantages(outcomes: Array(outcomes[range]), branches: Array(branches[range]))
  }
}
