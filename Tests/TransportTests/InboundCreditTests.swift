import Testing
import Transport

/// How much peers may send before they are read.
struct InboundCreditTests {
  private func credit(peers: Int, total: Int = 10_000) -> InboundCredit {
    var limits = InboundCredit.Limits()
    limits.newcomerBytes = 100
    limits.peerBytes = 1_000
    limits.totalBytes = total
    limits.patience = 1
    var credit = InboundCredit(limits)
    for peer in 0..<peers {
      credit.opened(InboundCredit.PeerID(peer), now: 0)
      credit.becomes(InboundCredit.PeerID(peer), .welcome)
    }
    return credit
  }

  @Test func `a newcomer has little room, and whoever is welcome more`() {
    var credit = credit(peers: 0)
    credit.opened(1, now: 0)
    let room1 = credit.room(of: 1, now: 0)
    #expect(room1 == 100)
    credit.becomes(1, .welcome)
    let room2 = credit.room(of: 1, now: 0)
    #expect(room2 == 1_000)
    credit.becomes(1, .newcomer)
    let room3 = credit.room(of: 1, now: 0)
    #expect(room3 == 100)
    let room4 = credit.room(of: 2, now: 0)
    #expect(room4 == 0)
  }

  @Test func `what is read makes room, and names those who waited`() {
    var credit = credit(peers: 1)
    credit.took(1_000, from: 0, now: 0)
    let room5 = credit.room(of: 0, now: 0)
    #expect(room5 == 0)
    let isAwaited6 = credit.read(400, of: 0, now: 0.1)
    #expect(isAwaited6)
    let waiting7 = credit.takeWaiting()
    #expect(waiting7 == [0])
    let room8 = credit.room(of: 0, now: 0.1)
    #expect(room8 == 400)
    let isAwaited9 = credit.read(100, of: 0, now: 0.2)
    #expect(!isAwaited9)
  }

  @Test func `a message without an end is an offence once the reader has read all there is`() {
    var credit = credit(peers: 2)
    credit.took(1_000, from: 0, now: 0)
    credit.took(1_000, from: 1, now: 0)
    _ = credit.room(of: 0, now: 0)
    _ = credit.room(of: 1, now: 0)
    // The reader is busy: nobody can be blamed.
    let offenders10 = credit.offenders(now: 5)
    #expect(offenders10.isEmpty)
    _ = credit.read(1_000, of: 1, now: 5)
    credit.caughtUp(now: 5)
    let offenders11 = credit.offenders(now: 5)
    #expect(offenders11 == [0])
    credit.closed(0)
    let offenders12 = credit.offenders(now: 6)
    #expect(offenders12.isEmpty)
  }

  @Test func `heartbeats that no reader sees are forgiven, a long message is not`() {
    var credit = credit(peers: 2)
    credit.took(1_000, from: 1, now: 0)
    _ = credit.room(of: 1, now: 0)
    for second in 1...100 {
      credit.took(80, from: 0, now: Double(second))
      credit.caughtUp(now: Double(second))
      let room13 = credit.room(of: 0, now: Double(second))
      #expect(room13 > 0)
    }
    let offenders14 = credit.offenders(now: 101)
    #expect(offenders14 == [1])
  }

  @Test func `a crowd that fills the room of all loses those who sit on it longest`() {
    var credit = credit(peers: 21)
    for peer in 0..<20 as Range<InboundCredit.PeerID> {
      credit.took(500, from: peer, now: Double(peer) / 100)
    }
    let room15 = credit.room(of: 20, now: 0.9)
    #expect(room15 == 0)
    let offenders16 = credit.offenders(now: 0.9)
    #expect(offenders16.isEmpty, "the reader has not had its turn")
    credit.caughtUp(now: 0.9)
    let offenders = credit.offenders(now: 0.9)
    #expect(offenders == [0, 1, 2, 3, 4], "a quarter of the room")
    for peer in offenders { credit.closed(peer) }
    let waiting17 = credit.takeWaiting()
    #expect(waiting17 == [20])
    let room18 = credit.room(of: 20, now: 0.9)
    #expect(room18 == 1_000)
  }

  @Test func `whoever is read meanwhile is not blamed for the crowd`() {
    var credit = credit(peers: 20)
    for peer in 0..<20 as Range<InboundCredit.PeerID> { credit.took(500, from: peer, now: 0) }
    _ = credit.read(100, of: 0, now: 0.9)
    credit.took(100, from: 0, now: 0.9)
    let room19 = credit.room(of: 0, now: 0.9)
    #expect(room19 == 0)
    credit.caughtUp(now: 0.9)
    let offenders20 = credit.offenders(now: 0.9)
    #expect(!offenders20.contains(0))
  }

  @Test func `a crowd of strangers keeps nobody waiting who is proven`() {
    var credit = credit(peers: 21)
    credit.becomes(20, .proven)
    for peer in 0..<20 as Range<InboundCredit.PeerID> { credit.took(500, from: peer, now: 0) }
    let room = credit.room(of: 20, now: 0.9)
    #expect(room == 1_000)
    credit.took(700, from: 20, now: 0.9)
    credit.becomes(20, .welcome)
    credit.closed(20)
    let left = credit.room(of: 0, now: 0.9)
    #expect(left == 0, "what was counted for it is gone with it, and no more")
  }

  @Test func `whoever has done no work shares a narrow way, and the quiet go first`() {
    var limits = InboundCredit.Limits()
    limits.unprovenRate = 1_000
    limits.totalBytes = 5_000
    var credit = InboundCredit(limits)
    for peer in 0..<4 as Range<InboundCredit.PeerID> {
      credit.opened(peer, now: 0)
      credit.becomes(peer, .welcome)
    }
    credit.becomes(3, .proven)
    // Two that are read as fast as they send use up what may come at once.
    for peer in [1, 2] as [InboundCredit.PeerID] {
      credit.took(2_500, from: peer, now: 0)
      _ = credit.read(2_500, of: peer, now: 0)
    }
    let rooms = (0..<4).map { credit.room(of: InboundCredit.PeerID($0), now: 0) }
    #expect(rooms == [0, 0, 0, 5_000], "work that is known has a way of its own")
    #expect(credit.offenders(now: 0).isEmpty)
    let woken = credit.read(1, of: 3, now: 0)
    #expect(!woken, "no reader makes the way wider")
    #expect(credit.takeDelayed() == [0, 1, 2])
    let later = credit.room(of: 0, now: 0.25)
    #expect(later == 250)
    let rested = credit.room(of: 0, now: 1_000)
    #expect(rested == 5_000)
  }
}
