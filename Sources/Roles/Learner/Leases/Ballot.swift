import Records

/// The results of an audited unit that wait for one another: one for each party.
struct Ballot: Sendable {
  typealias Party = LeaseTable.Party

  private struct Vote {
    var party: Party
    var digest: Digest
  }

  private var votes: [Vote] = []

  var isEmpty: Bool { votes.isEmpty }

  var count: Int { votes.count }

  /// A party has one vote, its first.
  mutating func cast(_ digest: Digest, by party: Party) {
    if !hasVoted(party) { votes.append(Vote(party: party, digest: digest)) }
  }

  func hasVoted(_ party: Party) -> Bool { votes.contains { $0.party == party } }

  /// Whether two parties sent these bytes.
  func agrees(on digest: Digest) -> Bool { votes.count { $0.digest == digest } > 1 }

  /// Whether parties sent different bytes.
  var isDivided: Bool { votes.dropFirst().contains { $0.digest != votes[0].digest } }

  /// The only result, if there is one alone.
  var single: Digest? { votes.count == 1 ? votes[0].digest : nil }

  var parties: Set<Party> { Set(votes.map(\.party)) }

  /// How many parties are to compute the unit: two, or one more than differ.
  var wanted: Int { isDivided ? votes.count + 1 : 2 }

  /// Those that sent other bytes.
  func deviants(from digest: Digest) -> [Party] {
    votes.filter { $0.digest != digest }.map(\.party)
  }
}
