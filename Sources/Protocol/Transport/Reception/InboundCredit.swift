/// How much each peer may send before it is read: a value told the time, in seconds.
///
/// libzmq bounds one part and counts whole messages, so the parts of a message that never ends pile up
/// in it without a limit. What is relayed to it is therefore counted here until the reader has it as
/// messages: a peer whose room is used up waits, and one that waits though the reader has read all
/// that there is has sent a message longer than any that is allowed.
package struct InboundCredit: Sendable {
  package typealias PeerID = UInt64
  package typealias Time = Double

  package struct Limits: Sendable {
    /// Of a peer that has not been welcomed: its handshake and a first message.
    package var newcomerBytes = 128 << 10
    /// Of any other: two of the largest messages.
    package var peerBytes = 2_304 << 10
    /// Of all that are proven together, and of all others together: strangers in a crowd keep nobody
    /// waiting whose work is known.
    package var totalBytes = 16 << 20
    /// Bytes a second of all that are not proven together, beyond ``totalBytes`` at once.
    package var unprovenRate = 8 << 20
    /// Seconds for which a peer whose room is used up may wait while there is nothing to read.
    package var patience: Time = 0.5

    package init() {}
  }

  package enum Standing: Hashable, Sendable {
    case newcomer
    /// The reader knows it.
    case welcome
    /// It has done what it is here for.
    case proven
  }

  private struct Account {
    var unread = 0
    var standing = Standing.newcomer
    /// When the oldest of the unread bytes came, or the last message was read.
    var since: Time
    /// Since when its own room is used up; until a message of it is read.
    var fullSince: Time?
    /// Bytes that it has ever sent.
    var sent = 0
  }

  private let limits: Limits
  private var accounts: [PeerID: Account] = [:]
  /// Of all who are proven, and of all others.
  private var unread = (proven: 0, others: 0)
  /// When the reader last had read all that there was.
  private var caughtUp: Time = -.infinity
  private var forgiven: Time = 0
  /// What those who are not proven may send now.
  private var narrowWay: TokenBucket
  /// Who was told to wait until something is read.
  private var waiting: Set<PeerID> = []
  /// Who was told to wait for the narrow way, which time alone makes wider.
  private var delayed: Set<PeerID> = []
  /// Whether one of them waits for the others' room alone, and which kind.
  private var isCrowded = (proven: false, others: false)

  /// Bytes a second that are taken for heartbeats of ZMTP, which no reader sees.
  private static let forgivenRate = 1_024.0

  package init(_ limits: Limits = Limits()) {
    self.limits = limits
    narrowWay = TokenBucket(rate: Double(limits.unprovenRate), burst: Double(limits.totalBytes))
  }

  package mutating func opened(_ peer: PeerID, now: Time) {
    accounts[peer] = Account(since: now)
  }

  package mutating func closed(_ peer: PeerID) {
    if let account = accounts.removeValue(forKey: peer) {
      add(-account.unread, to: account.standing)
    }
    waiting.remove(peer)
    delayed.remove(peer)
  }

  package mutating func becomes(_ peer: PeerID, _ standing: Standing) {
    guard var account = accounts[peer], account.standing != standing else { return }
    add(-account.unread, to: account.standing)
    account.standing = standing
    add(account.unread, to: standing)
    accounts[peer] = account
  }

  private mutating func add(_ count: Int, to standing: Standing) {
    if standing == .proven { unread.proven += count } else { unread.others += count }
  }

  private func room(of account: Account) -> Int {
    (account.standing == .newcomer ? limits.newcomerBytes : limits.peerBytes) - account.unread
  }

  /// Bytes that may be taken from the peer now; if none, it waits until ``takeWaiting()`` or
  /// ``takeDelayed()`` names it.
  package mutating func room(of peer: PeerID, now: Time) -> Int {
    guard let account = accounts[peer] else { return 0 }
    let own = room(of: account)
    let isProven = account.standing == .proven
    let common = limits.totalBytes - (isProven ? unread.proven : unread.others)
    // Not less than ten milliseconds' worth: crumbs cost more to take than they are.
    let wide = isProven ? .max : Int(narrowWay.level(now: now))
    let way = wide < min(limits.unprovenRate, limits.totalBytes) / 100 ? 0 : wide
    if own <= 0 {
      accounts[peer]?.fullSince = account.fullSince ?? now
    } else if common <= 0 {
      if isProven { isCrowded.proven = true } else { isCrowded.others = true }
    }
    if min(own, common) <= 0 {
      waiting.insert(peer)
    } else if way <= 0 {
      delayed.insert(peer)
    }
    return max(0, min(own, common, way))
  }

  /// Those who were told to wait for a reader and may ask again.
  package mutating func takeWaiting() -> [PeerID] {
    isCrowded = (false, false)
    defer { waiting = [] }
    return waiting.sorted()
  }

  /// Those who were told to wait for the narrow way and may ask again, who has sent least first.
  package mutating func takeDelayed() -> [PeerID] {
    defer { delayed = [] }
    return delayed.map { (accounts[$0]?.sent ?? 0, $0) }.sorted { $0 < $1 }.map(\.1)
  }

  package mutating func took(_ count: Int, from peer: PeerID, now: Time) {
    guard var account = accounts[peer] else { return }
    if account.unread == 0 { account.since = now }
    account.unread += count
    account.sent += count
    add(count, to: account.standing)
    if account.standing != .proven { narrowWay.take(Double(count)) }
    accounts[peer] = account
  }

  /// The reader has a whole message of so many bytes, counted as ``took(_:from:now:)`` counted them.
  ///
  /// - Returns: whether somebody waits for room.
  package mutating func read(_ count: Int, of peer: PeerID, now: Time) -> Bool {
    guard var account = accounts[peer] else { return false }
    let freed = min(count, account.unread)
    account.unread -= freed
    add(-freed, to: account.standing)
    account.since = now
    account.fullSince = nil
    accounts[peer] = account
    return !waiting.isEmpty
  }

  /// The reader has read all that there is.
  package mutating func caughtUp(now: Time) {
    caughtUp = now
    let amount = Int((now - forgiven) * Self.forgivenRate)
    guard amount >= 1_024 else { return }
    forgiven = now
    for (peer, account) in accounts where account.unread > 0 {
      let freed = min(amount, account.unread)
      accounts[peer]?.unread -= freed
      add(-freed, to: account.standing)
    }
  }

  /// The peers whose connections have to be cut: those that have used up their own room with a message
  /// that does not end; and while the room of all is used up, whoever has sat on a part of it longest.
  package mutating func offenders(now: Time) -> [PeerID] {
    var offenders: [PeerID] = []
    var crowd: [(peer: PeerID, since: Time, unread: Int, standing: Standing)] = []
    for (peer, account) in accounts {
      if let full = account.fullSince, now - full > limits.patience,
        caughtUp > full + limits.patience / 2
      {
        offenders.append(peer)
        continue
      }
      // Whoever was read since the reader last had everything has done nothing wrong.
      if account.unread > limits.newcomerBytes / 2, caughtUp > account.since + limits.patience / 5 {
        crowd.append((peer, account.since, account.unread, account.standing))
      }
    }
    crowd.sort { ($0.since, $0.peer) < ($1.since, $1.peer) }
    func thin(_ unread: Int, where isMeant: (Standing) -> Bool) {
      var excess = unread - limits.totalBytes * 3 / 4
      for member in crowd where excess > 0 && isMeant(member.standing) {
        offenders.append(member.peer)
        excess -= member.unread
      }
    }
    if isCrowded.proven { thin(unread.proven) { $0 == .proven } }
    if isCrowded.others { thin(unread.others) { $0 != .proven } }
    return offenders.sorted()
  }
}
