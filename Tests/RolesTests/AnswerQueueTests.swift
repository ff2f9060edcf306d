import Records
import Roles
import Testing
import TinyRecipe
import Wire

/// Large answers wait for their reader.
struct AnswerQueueTests {
  private func chunk(_ index: UInt32) -> AnswerQueue.Question {
    .chunk(ChunkRequest(whole: Tiny.digest(1), index: index))
  }

  private func index(_ question: AnswerQueue.Question?) -> UInt32? {
    if case .chunk(let request) = question { request.index } else { nil }
  }

  @Test func `two answers are on their way at once, in the order of the questions`() {
    var queue = AnswerQueue()
    for number in 0..<5 as Range<UInt32> {
      let isTaken = queue.ask(chunk(number), 7, of: 1)
      #expect(isTaken)
    }
    let next1 = queue.next(of: 1)?.question
    #expect(index(next1) == 0)
    let next2 = queue.next(of: 1)?.question
    #expect(index(next2) == 1)
    let next3 = queue.next(of: 1)
    #expect(next3 == nil)
    queue.taken(by: 1)
    let next4 = queue.next(of: 1)?.question
    #expect(index(next4) == 2)
    let next5 = queue.next(of: 1)
    #expect(next5 == nil)
  }

  @Test func `whoever does not read keeps nobody else waiting`() {
    var queue = AnswerQueue()
    for number in 0..<3 as Range<UInt32> {
      let isTaken = queue.ask(chunk(number), 7, of: 1)
      #expect(isTaken)
    }
    while queue.next(of: 1) != nil {}
    let isTaken6 = queue.ask(chunk(9), 8, of: 2)
    #expect(isTaken6)
    let next7 = queue.next(of: 2)?.session
    #expect(next7 == 8)
  }

  @Test func `too many questions are refused`() {
    var queue = AnswerQueue()
    let accepted = (0..<1_000).count { _ in queue.ask(chunk(0), 7, of: 1) }
    #expect(accepted == AnswerQueue.mostWaiting)
  }

  @Test func `a welcome counts, and a session that is over is not answered`() {
    var queue = AnswerQueue()
    let mayBegin8 = queue.begins(for: 1)
    #expect(mayBegin8)
    let mayBegin9 = queue.begins(for: 1)
    #expect(mayBegin9)
    let mayBegin10 = queue.begins(for: 1)
    #expect(!mayBegin10)
    let isTaken11 = queue.ask(chunk(0), 7, of: 1)
    #expect(isTaken11)
    let isTaken12 = queue.ask(chunk(1), 8, of: 1)
    #expect(isTaken12)
    queue.forget(7, of: 1)
    queue.taken(by: 1)
    let next13 = queue.next(of: 1)?.session
    #expect(next13 == 8)
    queue.taken(by: 1)
    queue.taken(by: 1)
    // Nothing is owed to it any more, nor by it.
    let mayBegin14 = queue.begins(for: 1)
    #expect(mayBegin14)
    let mayBegin15 = queue.begins(for: 1)
    #expect(mayBegin15)
  }
}

/// What results of a unit can have cost.
struct UnitCostsTests {
  private let unit = UnitID(3)

  @Test func `no result takes longer than its lease is old`() {
    var costs = UnitCosts()
    costs.leased(unit, now: 10)
    let seconds16 = costs.allowance(of: unit, isOpen: true, now: 12.5)
    #expect(seconds16 == 2.5)
  }

  @Test func `each lease has one result`() {
    var costs = UnitCosts()
    costs.leased(unit, now: 10)
    costs.leased(unit, now: 11)
    let seconds17 = costs.allowance(of: unit, isOpen: true, now: 14)
    #expect(seconds17 == 4)
    let seconds18 = costs.allowance(of: unit, isOpen: true, now: 14)
    #expect(seconds18 == 4)
    let seconds19 = costs.allowance(of: unit, isOpen: true, now: 14)
    #expect(seconds19 == 0)
  }

  @Test func `a unit that an earlier life leased has this life's seconds, once, and another none`()
  {
    var costs = UnitCosts()
    let seconds20 = costs.allowance(of: unit, isOpen: true, now: 4)
    #expect(seconds20 == 4)
    let seconds21 = costs.allowance(of: unit, isOpen: true, now: 4)
    #expect(seconds21 == 0)
    let seconds22 = costs.allowance(of: UnitID(9), isOpen: false, now: 4)
    #expect(seconds22 == 0)
    costs.leased(UnitID(5), now: 4)
    costs.forget(before: 6)
    let seconds23 = costs.allowance(of: UnitID(5), isOpen: false, now: 9)
    #expect(seconds23 == 0)
  }
}
