import Records
import Testing
import Wire

struct EnvelopeTests {
  @Test(arguments: Sample.kinds) func `every message comes back from its bytes`(kind: Int) throws {
    for seed in 0..<100 {
      var sample = Sample(seed: UInt64(seed))
      let envelope = sample.envelope(kind: kind)
      let bytes = envelope.encoded()
      let decoded = try Envelope(decoding: bytes)
      #expect(decoded == envelope)
      #expect(decoded.encoded() == bytes)
    }
  }

  @Test func `a lease has these bytes`() throws {
    let envelope = Envelope(
      epoch: 3, session: 0x0102_0304_0506_0708, sequence: 300,
      message: .lease(
        Lease(
          unit: UnitID(77), attempt: 1, version: PolicyVersion(5),
          paramsHash: Digest(bytes: (0..<32).map { UInt8($0) }), deadlineMilliseconds: 60_000)))
    #expect(Raw.hexadecimal(envelope.encoded()) == Self.lease)
  }

  /// `protoc --encode` makes the same bytes of the same text.
  private static let lease = """
    0d424952541001200329080706050403020130ac02aa012c084d100118052220000102030405060708090a0b\
    0c0d0e0f101112131415161718191a1b1c1d1e1f28e0d403
    """

  @Test func `sentences for people are cut and names are not`() throws {
    let long = String(repeating: "ä", count: 800) + "\0"
    let envelope = Envelope(epoch: 0, session: 0, sequence: 0, message: .drain(reason: long))
    let decoded = try Envelope(decoding: envelope.encoded())
    #expect(decoded.message == .drain(reason: String(repeating: "ä", count: 512)))
    let zero = Envelope(epoch: 0, session: 0, sequence: 0, message: .goodbye(reason: "a\0b"))
    #expect(try Envelope(decoding: zero.encoded()).message == .goodbye(reason: "a\u{FFFD}b"))
  }

  @Test func `the largest messages fit their envelope`() throws {
    var sample = Sample(seed: 1)
    let manifest = Message.manifest(sample.manifest(chunks: WireLimits.chunks))
    let units = (0..<WireLimits.acknowledgements).map { _ in
      Acknowledgement(unit: UnitID(.max), digest: sample.digest())
    }
    let welcome = Message.welcome(
      Welcome(
        runID: String(repeating: "r", count: 128),
        configuration: String(repeating: "c", count: WireLimits.configurationBytes),
        configurationHash: sample.digest(), modelHash: sample.digest(),
        committed: PolicyVersion(.max), heartbeatMilliseconds: .max, livenessMilliseconds: .max,
        discard: [UnitID](repeating: UnitID(.max), count: WireLimits.held)))
    for message in [manifest, .acknowledge(units), welcome] {
      let envelope = Envelope(
        epoch: .max, session: .max, sequence: .max, message: message)
      let bytes = envelope.encoded()
      #expect(bytes.count <= WireLimits.envelopeBytes)
      #expect(try Envelope(decoding: bytes) == envelope)
    }
  }
}
