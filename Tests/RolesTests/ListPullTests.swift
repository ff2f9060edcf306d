import Ledger
import Records
import Roles
import Synchronization
import Tasks
import Testing
import TinyRecipe
import Wire

struct ListPullTests {
  private static let size = PromptList.Piece.byteCount

  private func pulled(_ bytes: [UInt8], as digest: Digest) -> (asked: Int, end: ListPull.Step?) {
    var pull = ListPull(digest)
    var (asked, step) = (1, ListPull.Step?.some(.ask(pull.request)))
    while case .ask(let request) = step, let piece = PromptList.Piece.of(bytes, at: request.index) {
      step = pull.received(Chunk(whole: digest, index: request.index), payload: piece)
      if case .ask = step { asked += 1 }
    }
    return (asked, step)
  }

  @Test(arguments: [0, 1, size - 1, size, size + 1, 3 * size])
  func `a list arrives whole, whatever its length`(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let (asked, end) = pulled(bytes, as: Digest(of: bytes))
    #expect(end == .done(bytes))
    #expect(asked == count / Self.size + 1)
  }

  @Test func `another list than the one asked for is refused`() {
    let bytes = Array("north\n".utf8)
    guard case .failed(let reason) = pulled(bytes, as: Tiny.digest(1)).end else {
      Issue.record("it was taken")
      return
    }
    #expect(reason.contains("does not have its digest"))
  }

  @Test func `a list without an end is refused`() {
    var pull = ListPull(Tiny.digest(1))
    let piece = [UInt8](repeating: 0x20, count: Self.size)
    var count = 0
    while case .ask(let request) = pull.received(
      Chunk(whole: pull.digest, index: UInt32(count)), payload: piece), count < 1_000
    {
      count += 1
      #expect(request.index == UInt32(count))
    }
    #expect(count <= PromptFile.byteLimit / Self.size)
  }

  @Test func `pieces that nobody asked for are ignored`() {
    var pull = ListPull(Digest(of: Array("x".utf8)))
    #expect(pull.received(Chunk(whole: Tiny.digest(1), index: 0), payload: [1]) == nil)
    #expect(pull.received(Chunk(whole: pull.digest, index: 1), payload: [1]) == nil)
    #expect(
      pull.received(Chunk(whole: pull.digest, index: 0), payload: Array("x".utf8))
        == .done(Array("x".utf8)))
  }

  // MARK: An actor

  private func prepare(_ needed: Digest) -> ActorProcess.Prepare {
    { _, _, lists in
      guard lists[needed] != nil else { return .needs(needed) }
      let recipe = Tiny.recipe()
      return .ready(recipe, FakeLearner.terms(recipe))
    }
  }

  @Test func `an actor asks for the list that its configuration names before it takes leases`()
    throws
  {
    let learner = try FakeLearner()
    let bytes = [UInt8](repeating: 0x61, count: Self.size + 3)
    let digest = Digest(of: bytes)
    let actor = try ActorUnderTest(learner, prepare: prepare(digest))
    try learner.hearHello()
    try learner.send(.welcome(learner.welcome()))
    for index in UInt32(0)...1 {
      let wanted = ChunkRequest(whole: digest, index: index)
      try learner.hear("a request for piece \(index)") { $0 == .chunkRequest(wanted) }
      #expect(
        !learner.heard.contains { if case .heartbeat(let s) = $0 { s.free > 0 } else { false } })
      let piece = try #require(PromptList.Piece.of(bytes, at: index))
      try learner.send(.chunk(Chunk(whole: digest, index: index)), payload: piece)
    }
    try learner.hearCredit()
    actor.stop()
    #expect(actor.outcome() == nil)
  }

  @Test func `an actor that is sent another list ends, and says why`() throws {
    let learner = try FakeLearner()
    let digest = Tiny.digest(1)
    let actor = try ActorUnderTest(learner, prepare: prepare(digest))
    try learner.hearHello()
    try learner.send(.welcome(learner.welcome()))
    try learner.hear("a request") { if case .chunkRequest = $0 { true } else { false } }
    try learner.send(.chunk(Chunk(whole: digest, index: 0)), payload: [2])
    let failure = try #require(actor.outcome())
    #expect(failure.code == .incompatible)
    #expect(failure.description.contains("does not have its digest"), "\(failure)")
  }
}
