/// Parties of which one unit deviated: every number of their units is made again.
///
/// So many are remembered. Where nobody shows a key, whoever wants to be unknown starts a new process, so
/// nothing is lost with the oldest.
struct Suspects: Sendable {
  private static let capacity = 1_024
  private var parties: Set<LeaseTable.Party> = []
  private var inOrder: [LeaseTable.Party] = []

  func contains(_ party: LeaseTable.Party) -> Bool { parties.contains(party) }

  /// - Returns: whether it was not suspected before.
  @discardableResult
  mutating func insert(_ party: LeaseTable.Party) -> Bool {
    guard parties.insert(party).inserted else { return false }
    inOrder.append(party)
    if inOrder.count > Self.capacity { parties.remove(inOrder.removeFirst()) }
    return true
  }
}
