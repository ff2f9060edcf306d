import Records
import Roles
import Testing
import TinyRecipe
import Transport
import Wire

/// What an actor makes of a learner's timing, and of a connection's events.
struct GreetingTests {
  private func timing(_ heartbeat: UInt32, _ liveness: UInt32) throws -> SessionTiming {
    try SessionTiming(
      Welcome(
        runID: "", configuration: "", configurationHash: Tiny.digest(1), modelHash: Tiny.digest(2),
        committed: PolicyVersion(0), heartbeatMilliseconds: heartbeat,
        livenessMilliseconds: liveness, discard: []))
  }

  @Test func `the learner's times are taken`() throws {
    #expect(try timing(250, 2_000).heartbeat == .milliseconds(250))
    #expect(try timing(250, 2_000).liveness == .seconds(2))
  }

  @Test(
    arguments: [
      (0, 5_000), (19, 5_000), (1_000, 1_999), (600_001, 3_600_000), (1_000, 3_600_001),
      (.max, .max), (1_000, 0),
    ] as [(UInt32, UInt32)]) func `absurd times are refused`(heartbeat: UInt32, liveness: UInt32)
  {
    #expect(throws: RunFailure.self) { _ = try timing(heartbeat, liveness) }
  }

  @Test func `a silence that the learner asks for is borne no longer than the actor was told`()
    throws
  {
    let absurd = try timing(600_000, 3_600_000)
    #expect(absurd.bounded(by: .seconds(60)).liveness == .seconds(60))
    #expect(absurd.bounded(by: .seconds(60)).heartbeat == .seconds(30))
    #expect(absurd.bounded(by: .zero).liveness == .seconds(5), "as before a word was said")
    #expect(absurd.bounded(by: .seconds(1_000_000)) == absurd)
    let usual = try timing(1_000, 5_000)
    #expect(usual.bounded(by: .seconds(1800)) == usual && usual.bounded(by: .zero) == usual)
  }

  private func diagnosis(encrypted: Bool, expires: WallTime? = nil) throws -> ConnectionDiagnosis {
    let endpoint = try #require(EndpointAddress("tcp://host:5555"))
    let key = KeyFile(
      role: .actor, name: "a", key: KeyPair(), learner: encrypted ? KeyPair().publicKey : nil,
      expires: expires)
    return ConnectionDiagnosis(
      LearnerAddress(endpoint: endpoint, key: encrypted ? key : nil, runID: nil, isFinal: true),
      time: { WallTime(seconds: 86_400) })
  }

  @Test func `a refused key that has an end says when, and what time it is here`() throws {
    var diagnosis = try diagnosis(encrypted: true, expires: WallTime(seconds: 3_600))
    let saw = diagnosis.saw(.refused)
    let failure = try #require(saw)
    #expect(failure.description.contains("ends at 1970-01-01T01:00:00Z"))
    #expect(failure.description.contains("clock says 1970-01-02T00:00:00Z"))
  }

  @Test func `the learner's next key is insisted on once the present one was not met`() throws {
    let (present, next) = (KeyPair().publicKey, KeyPair().publicKey)
    let endpoint = try #require(EndpointAddress("tcp://host:5555"))
    let key = KeyFile(role: .actor, name: "a", key: KeyPair(), learner: present, next: next)
    var address = LearnerAddress(endpoint: endpoint, key: key, runID: nil, isFinal: true)
    #expect(address.learner == present)
    let hasNext = address.choose(without: [present])
    #expect(hasNext && address.learner == next)
    let hasAnother = address.choose(without: [present, next])
    #expect(!hasAnother)
    var diagnosis = try diagnosis(encrypted: true)
    for _ in 0..<4 { _ = diagnosis.saw(.handshakeFailed) }
    #expect(diagnosis.learnerNotMet == nil)
    _ = diagnosis.saw(.handshakeFailed)
    #expect(diagnosis.learnerNotMet != nil)
    _ = diagnosis.saw(.handshakeSucceeded)
    #expect(diagnosis.learnerNotMet == nil)
  }

  @Test func `a refused key ends it at once`() throws {
    var diagnosis = try diagnosis(encrypted: true)
    #expect(diagnosis.saw(.connected) == nil)
    let saw = diagnosis.saw(.refused)
    let failure = try #require(saw)
    #expect(failure.code == .notAuthorised)
    #expect(failure.description.contains("tributary keys add"))
  }

  @Test(arguments: [true, false]) func `a mismatch says which side to change`(encrypted: Bool)
    throws
  {
    var diagnosis = try diagnosis(encrypted: encrypted)
    let saw = diagnosis.saw(.mechanismsDiffer)
    let failure = try #require(saw)
    #expect(failure.code == .notAuthorised)
    #expect(failure.description.contains(encrypted ? "leave --key out" : "--key FILE"))
  }

  @Test func `broken handshakes mean another key, but not one or two, and not in plaintext`() throws
  {
    var diagnosis = try diagnosis(encrypted: true)
    for _ in 0..<4 {
      #expect(diagnosis.saw(.handshakeFailed) == nil)
      #expect(diagnosis.saw(.notConnected) == nil, "said before every further attempt")
    }
    #expect(diagnosis.saw(.handshakeFailed)?.code == .notAuthorised)
    var plain = try self.diagnosis(encrypted: false)
    for _ in 0..<50 { #expect(plain.saw(.handshakeFailed) == nil) }
  }

  @Test func `silence has reasons`() throws {
    var diagnosis = try diagnosis(encrypted: false)
    #expect(diagnosis.silence.contains("nothing answers at tcp://host:5555"))
    _ = diagnosis.saw(.notConnected)
    #expect(diagnosis.silence.contains("nothing answers"))
    _ = diagnosis.saw(.connected)
    #expect(diagnosis.silence.contains("does not greet like a learner"))
    _ = diagnosis.saw(.handshakeSucceeded)
    #expect(diagnosis.silence.contains("no word from the learner"))
  }
}
