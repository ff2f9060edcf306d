import CWire
import Records

extension Envelope {
  /// Reads and checks the first part of a message.
  ///
  /// - Throws: ``WireError/foreign`` or ``WireError/protocolVersion(major:)`` before anything else
  ///   is looked at, so that a peer of another version gets an answer.
  package init(decoding bytes: [UInt8]) throws(WireError) {
    guard bytes.count <= WireLimits.envelopeBytes else {
      throw .tooLarge(place: "envelope", bytes: bytes.count, limit: WireLimits.envelopeBytes)
    }
    try Self.checkBeginning(bytes)
    let arena = Arena(unpacking: bytes.count)
    defer { withExtendedLifetime(arena) {} }
    let envelope = try unpacked(bytes, as: .envelope, in: arena, tributary__v1__envelope__unpack)
    self.init(
      epoch: envelope.epoch, session: envelope.session, sequence: envelope.sequence,
      message: try Message(envelope))
  }

  /// Tag and value of `magic`, tag and value of `protocol_major`; the latter fits a byte.
  private static func checkBeginning(_ bytes: [UInt8]) throws(WireError) {
    let beginning: [UInt8] = [0x0d, 0x42, 0x49, 0x52, 0x54]
    guard bytes.starts(with: beginning) else { throw .foreign }
    guard bytes.count > 6, bytes[5] == 0x10 else { throw .protocolVersion(major: 0) }
    guard UInt32(bytes[6]) == protocolMajor else {
      throw .protocolVersion(major: UInt32(bytes[6]))
    }
  }
}

extension Message {
  fileprivate init(_ envelope: Tributary__V1__Envelope) throws(WireError) {
    switch envelope.body_case {
    case TRIBUTARY__V1__ENVELOPE__BODY_HELLO:
      self = .hello(try Hello(envelope.hello.pointee))
    case TRIBUTARY__V1__ENVELOPE__BODY_WELCOME:
      self = .welcome(try Welcome(envelope.welcome.pointee))
    case TRIBUTARY__V1__ENVELOPE__BODY_REJECT:
      let reject = envelope.reject.pointee
      guard let code = Reject.Code(rawValue: reject.code) else {
        throw .outOfRange(place: "reject.code", value: UInt64(reject.code), allowed: "from 1 to 8")
      }
      self = .reject(Reject(code: code, text: try Unpacked.text(reject.text, "reject.text")))
    case TRIBUTARY__V1__ENVELOPE__BODY_HEARTBEAT:
      let heartbeat = envelope.heartbeat.pointee
      self = .heartbeat(
        Heartbeat(
          free: heartbeat.free, held: Unpacked.units(heartbeat.held, heartbeat.n_held),
          progress: heartbeat.progress, version: PolicyVersion(heartbeat.version)))
    case TRIBUTARY__V1__ENVELOPE__BODY_PULSE:
      self = .pulse(Pulse(committed: PolicyVersion(envelope.pulse.pointee.committed)))
    case TRIBUTARY__V1__ENVELOPE__BODY_LEASE:
      self = .lease(try Lease(envelope.lease.pointee))
    case TRIBUTARY__V1__ENVELOPE__BODY_RESULT:
      self = .result(try UnitResult(envelope.result.pointee))
    case TRIBUTARY__V1__ENVELOPE__BODY_ACKNOWLEDGE:
      let list = envelope.acknowledge.pointee
      self = .acknowledge(
        try Unpacked.acknowledgements(list.units, list.n_units, "acknowledge.units"))
    case TRIBUTARY__V1__ENVELOPE__BODY_REFUSE:
      let refusal = envelope.refuse.pointee
      guard let code = Refusal.Code(rawValue: refusal.code) else {
        throw .outOfRange(place: "refuse.code", value: UInt64(refusal.code), allowed: "from 1 to 6")
      }
      self = .refuse(
        Refusal(
          unit: UnitID(refusal.unit), code: code,
          text: try Unpacked.text(refusal.text, "refuse.text")))
    case TRIBUTARY__V1__ENVELOPE__BODY_RELEASE:
      let release = envelope.release.pointee
      guard let code = Release.Code(rawValue: release.code) else {
        throw .outOfRange(place: "release.code", value: UInt64(release.code), allowed: "0 or 1")
      }
      self = .release(
        Release(
          unit: UnitID(release.unit), attempt: release.attempt, code: code,
          reason: try Unpacked.text(release.reason, "release.reason")))
    case TRIBUTARY__V1__ENVELOPE__BODY_MANIFEST_REQUEST:
      self = .manifestRequest(PolicyVersion(envelope.manifest_request.pointee.version))
    case TRIBUTARY__V1__ENVELOPE__BODY_MANIFEST:
      self = .manifest(try Manifest(envelope.manifest.pointee))
    case TRIBUTARY__V1__ENVELOPE__BODY_CHUNK_REQUEST:
      let request = envelope.chunk_request.pointee
      self = .chunkRequest(
        ChunkRequest(
          whole: try Unpacked.digest(request.whole, "chunk_request.whole"), index: request.index))
    case TRIBUTARY__V1__ENVELOPE__BODY_CHUNK:
      let chunk = envelope.chunk.pointee
      self = .chunk(
        Chunk(whole: try Unpacked.digest(chunk.whole, "chunk.whole"), index: chunk.index))
    case TRIBUTARY__V1__ENVELOPE__BODY_DRAIN:
      self = .drain(reason: try Unpacked.text(envelope.drain.pointee.reason, "drain.reason"))
    case TRIBUTARY__V1__ENVELOPE__BODY_GOODBYE:
      self = .goodbye(reason: try Unpacked.text(envelope.goodbye.pointee.reason, "goodbye.reason"))
    case TRIBUTARY__V1__ENVELOPE__BODY_PACKING_REQUEST:
      let request = envelope.packing_request.pointee
      self = .packingRequest(
        PackingRequest(
          version: PolicyVersion(request.version),
          base: Unpacked.optionalDigest(request.base_hash)))
    case TRIBUTARY__V1__ENVELOPE__BODY_PACKING:
      let packing = envelope.packing.pointee
      self = .packing(
        Packing(
          version: PolicyVersion(packing.version), base: Unpacked.optionalDigest(packing.base_hash),
          chunks: try Unpacked.digests(packing.chunk_digests, "packing.chunk_digests")))
    default:
      throw .missing(field: "envelope.body")
    }
  }
}

extension Hello {
  fileprivate init(_ hello: Tributary__V1__Hello) throws(WireError) {
    self.init(
      actor: try Unpacked.text(hello.actor, "hello.actor"),
      life: try Unpacked.text(hello.life, "hello.life"), pid: hello.pid,
      runID: try Unpacked.text(hello.run_id, "hello.run_id"),
      configurationHash: Unpacked.optionalDigest(hello.configuration_hash),
      modelHash: Unpacked.optionalDigest(hello.model_hash),
      numericsClass: try Unpacked.text(hello.numerics_class, "hello.numerics_class"),
      highestEpoch: hello.highest_epoch,
      held: try Unpacked.acknowledgements(hello.held, hello.n_held, "hello.held"))
  }
}

extension Welcome {
  fileprivate init(_ welcome: Tributary__V1__Welcome) throws(WireError) {
    self.init(
      runID: try Unpacked.text(welcome.run_id, "welcome.run_id"),
      configuration: try Unpacked.text(welcome.configuration, "welcome.configuration"),
      configurationHash: try Unpacked.digest(
        welcome.configuration_hash, "welcome.configuration_hash"),
      modelHash: try Unpacked.digest(welcome.model_hash, "welcome.model_hash"),
      committed: PolicyVersion(welcome.committed),
      heartbeatMilliseconds: welcome.heartbeat_milliseconds,
      livenessMilliseconds: welcome.liveness_milliseconds,
      discard: Unpacked.units(welcome.discard, welcome.n_discard))
  }
}

extension Lease {
  fileprivate init(_ lease: Tributary__V1__Lease) throws(WireError) {
    self.init(
      unit: UnitID(lease.unit), attempt: lease.attempt, version: PolicyVersion(lease.version),
      paramsHash: try Unpacked.digest(lease.params_hash, "lease.params_hash"),
      deadlineMilliseconds: lease.deadline_milliseconds)
  }
}

extension UnitResult {
  fileprivate init(_ result: Tributary__V1__UnitResult) throws(WireError) {
    guard result.byte_count <= WireLimits.unitBytes else {
      throw .outOfRange(
        place: "result.byte_count", value: UInt64(result.byte_count),
        allowed: "at most \(WireLimits.unitBytes)")
    }
    self.init(
      unit: UnitID(result.unit), attempt: result.attempt, version: PolicyVersion(result.version),
      paramsHash: try Unpacked.digest(result.params_hash, "result.params_hash"),
      digest: try Unpacked.digest(result.digest, "result.digest"), byteCount: result.byte_count,
      sampleMicroseconds: result.sample_microseconds, judgeMicroseconds: result.judge_microseconds)
  }
}

extension Manifest {
  /// The chunks must hold exactly the bytes, so that a receiver can trust `byteCount`.
  fileprivate init(_ manifest: Tributary__V1__Manifest) throws(WireError) {
    let chunks = try Unpacked.digests(manifest.chunk_digests, "manifest.chunk_digests")
    let count = UInt64(chunks.count)
    let size = UInt64(manifest.chunk_size)
    guard size <= WireLimits.payloadBytes else {
      throw .outOfRange(
        place: "manifest.chunk_size", value: size, allowed: "at most \(WireLimits.payloadBytes)")
    }
    guard
      count == 0
        || manifest.byte_count > (count - 1) * size && manifest.byte_count <= count * size
    else {
      throw .outOfRange(
        place: "manifest.byte_count", value: manifest.byte_count,
        allowed: "what \(count) chunks of \(size) bytes hold")
    }
    self.init(
      version: PolicyVersion(manifest.version),
      paramsHash: try Unpacked.digest(manifest.params_hash, "manifest.params_hash"),
      byteCount: manifest.byte_count, chunkSize: manifest.chunk_size, chunks: chunks)
  }
}

extension Unpacked {
  /// Digests that stand one behind the other.
  fileprivate static func digests(_ data: ProtobufCBinaryData, _ field: String) throws(WireError)
    -> [Digest]
  {
    let bytes = bytes(data)
    guard bytes.count.isMultiple(of: 32) else {
      throw .count(
        place: field, found: bytes.count, of: "bytes", expected: bytes.count / 32 * 32)
    }
    return stride(from: 0, to: bytes.count, by: 32).map {
      Digest(bytes: Array(bytes[$0..<$0 + 32]))
    }
  }

  fileprivate static func units(_ start: UnsafeMutablePointer<UInt64>?, _ count: Int) -> [UnitID] {
    UnsafeBufferPointer(start: start, count: count).map { UnitID($0) }
  }

  fileprivate static func acknowledgements(
    _ start: UnsafeMutablePointer<UnsafeMutablePointer<Tributary__V1__Acknowledgement>?>?,
    _ count: Int, _ field: String
  ) throws(WireError) -> [Acknowledgement] {
    var units: [Acknowledgement] = []
    for case let unit? in UnsafeBufferPointer(start: start, count: count) {
      units.append(
        Acknowledgement(
          unit: UnitID(unit.pointee.unit),
          digest: try digest(unit.pointee.digest, "\(field).digest")))
    }
    return units
  }
}
