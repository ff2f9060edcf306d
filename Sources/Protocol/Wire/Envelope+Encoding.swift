import CWire
import Records

extension Envelope {
  /// The first part of a message. Equal envelopes give equal bytes.
  ///
  /// - Precondition: lists and texts keep to ``WireLimits``; sentences for people are cut to it.
  package func encoded() -> [UInt8] {
    let arena = Arena()
    let envelope = arena.make(tributary__v1__envelope__init) { envelope in
      envelope.magic = Self.magic
      envelope.protocol_major = Self.protocolMajor
      envelope.protocol_minor = Self.protocolMinor
      envelope.epoch = epoch
      envelope.session = session
      envelope.sequence = sequence
      message.pack(into: &envelope, arena)
    }
    let bytes = withExtendedLifetime(arena) {
      packed(envelope, tributary__v1__envelope__get_packed_size, tributary__v1__envelope__pack)
    }
    precondition(
      bytes.count <= WireLimits.envelopeBytes, "an envelope of \(bytes.count) bytes is too large")
    return bytes
  }
}

extension Message {
  fileprivate func pack(into envelope: inout Tributary__V1__Envelope, _ arena: Arena) {
    switch self {
    case .hello(let hello):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_HELLO
      envelope.hello = arena.make(tributary__v1__hello__init) { hello.pack(into: &$0, arena) }
    case .welcome(let welcome):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_WELCOME
      envelope.welcome = arena.make(tributary__v1__welcome__init) { welcome.pack(into: &$0, arena) }
    case .reject(let reject):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_REJECT
      envelope.reject = arena.make(tributary__v1__reject__init) {
        $0.code = reject.code.rawValue
        $0.text = arena.sentence(reject.text)
      }
    case .heartbeat(let heartbeat):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_HEARTBEAT
      envelope.heartbeat = arena.make(tributary__v1__heartbeat__init) {
        $0.free = heartbeat.free
        ($0.n_held, $0.held) = arena.units(heartbeat.held)
        $0.progress = heartbeat.progress
        $0.version = heartbeat.version.rawValue
      }
    case .pulse(let pulse):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_PULSE
      envelope.pulse = arena.make(tributary__v1__pulse__init) {
        $0.committed = pulse.committed.rawValue
      }
    case .lease(let lease):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_LEASE
      envelope.lease = arena.make(tributary__v1__lease__init) { lease.pack(into: &$0, arena) }
    case .result(let result):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_RESULT
      envelope.result = arena.make(tributary__v1__unit_result__init) {
        result.pack(into: &$0, arena)
      }
    case .acknowledge(let units):
      precondition(units.count <= WireLimits.acknowledgements, "\(units.count) acknowledgements")
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_ACKNOWLEDGE
      envelope.acknowledge = arena.make(tributary__v1__acknowledgements__init) {
        $0.n_units = units.count
        $0.units = arena.acknowledgements(units)
      }
    case .refuse(let refusal):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_REFUSE
      envelope.refuse = arena.make(tributary__v1__refusal__init) {
        $0.unit = refusal.unit.rawValue
        $0.code = refusal.code.rawValue
        $0.text = arena.sentence(refusal.text)
      }
    case .release(let release):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_RELEASE
      envelope.release = arena.make(tributary__v1__release__init) {
        $0.unit = release.unit.rawValue
        $0.attempt = release.attempt
        $0.code = release.code.rawValue
        $0.reason = arena.sentence(release.reason)
      }
    case .manifestRequest(let version):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_MANIFEST_REQUEST
      envelope.manifest_request = arena.make(tributary__v1__manifest_request__init) {
        $0.version = version.rawValue
      }
    case .manifest(let manifest):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_MANIFEST
      envelope.manifest = arena.make(tributary__v1__manifest__init) {
        manifest.pack(into: &$0, arena)
      }
    case .chunkRequest(let request):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_CHUNK_REQUEST
      envelope.chunk_request = arena.make(tributary__v1__chunk_request__init) {
        $0.whole = arena.bytes(request.whole.bytes)
        $0.index = request.index
      }
    case .chunk(let chunk):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_CHUNK
      envelope.chunk = arena.make(tributary__v1__chunk__init) {
        $0.whole = arena.bytes(chunk.whole.bytes)
        $0.index = chunk.index
      }
    case .drain(let reason):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_DRAIN
      envelope.drain = arena.make(tributary__v1__drain__init) { $0.reason = arena.sentence(reason) }
    case .goodbye(let reason):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_GOODBYE
      envelope.goodbye = arena.make(tributary__v1__goodbye__init) {
        $0.reason = arena.sentence(reason)
      }
    case .packingRequest(let request):
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_PACKING_REQUEST
      envelope.packing_request = arena.make(tributary__v1__packing_request__init) {
        $0.version = request.version.rawValue
        if let base = request.base { $0.base_hash = arena.bytes(base.bytes) }
      }
    case .packing(let packing):
      precondition(packing.chunks.count <= WireLimits.chunks, "\(packing.chunks.count) chunks")
      envelope.body_case = TRIBUTARY__V1__ENVELOPE__BODY_PACKING
      envelope.packing = arena.make(tributary__v1__packing__init) {
        $0.version = packing.version.rawValue
        if let base = packing.base { $0.base_hash = arena.bytes(base.bytes) }
        $0.chunk_digests = arena.bytes(packing.chunks.flatMap(\.bytes))
      }
    }
  }
}

extension Hello {
  fileprivate func pack(into hello: inout Tributary__V1__Hello, _ arena: Arena) {
    precondition(held.count <= WireLimits.held, "a hello with \(held.count) held units")
    hello.actor = arena.name(actor)
    hello.life = arena.name(life)
    hello.pid = pid
    hello.run_id = arena.name(runID)
    if let configurationHash { hello.configuration_hash = arena.bytes(configurationHash.bytes) }
    if let modelHash { hello.model_hash = arena.bytes(modelHash.bytes) }
    hello.numerics_class = arena.name(numericsClass)
    hello.highest_epoch = highestEpoch
    hello.n_held = held.count
    hello.held = arena.acknowledgements(held)
  }
}

extension Welcome {
  fileprivate func pack(into welcome: inout Tributary__V1__Welcome, _ arena: Arena) {
    welcome.run_id = arena.name(runID)
    welcome.configuration = arena.name(configuration, limit: WireLimits.configurationBytes)
    welcome.configuration_hash = arena.bytes(configurationHash.bytes)
    welcome.model_hash = arena.bytes(modelHash.bytes)
    welcome.committed = committed.rawValue
    welcome.heartbeat_milliseconds = heartbeatMilliseconds
    welcome.liveness_milliseconds = livenessMilliseconds
    (welcome.n_discard, welcome.discard) = arena.units(discard)
  }
}

extension Lease {
  fileprivate func pack(into lease: inout Tributary__V1__Lease, _ arena: Arena) {
    lease.unit = unit.rawValue
    lease.attempt = attempt
    lease.version = version.rawValue
    lease.params_hash = arena.bytes(paramsHash.bytes)
    lease.deadline_milliseconds = deadlineMilliseconds
  }
}

extension UnitResult {
  fileprivate func pack(into result: inout Tributary__V1__UnitResult, _ arena: Arena) {
    result.unit = unit.rawValue
    result.attempt = attempt
    result.version = version.rawValue
    result.params_hash = arena.bytes(paramsHash.bytes)
    result.digest = arena.bytes(digest.bytes)
    result.byte_count = byteCount
    result.sample_microseconds = sampleMicroseconds
    result.judge_microseconds = judgeMicroseconds
  }
}

extension Manifest {
  fileprivate func pack(into manifest: inout Tributary__V1__Manifest, _ arena: Arena) {
    precondition(chunks.count <= WireLimits.chunks, "a manifest of \(chunks.count) chunks")
    manifest.version = version.rawValue
    manifest.params_hash = arena.bytes(paramsHash.bytes)
    manifest.byte_count = byteCount
    manifest.chunk_size = chunkSize
    manifest.chunk_digests = arena.bytes(chunks.flatMap(\.bytes))
  }
}

extension Arena {
  fileprivate func units(_ units: [UnitID]) -> (Int, UnsafeMutablePointer<UInt64>) {
    precondition(units.count <= WireLimits.held, "a list of \(units.count) units")
    return (units.count, array(units.map(\.rawValue)))
  }

  fileprivate func acknowledgements(_ units: [Acknowledgement])
    -> UnsafeMutablePointer<UnsafeMutablePointer<Tributary__V1__Acknowledgement>?>
  {
    array(
      units.map { unit in
        make(tributary__v1__acknowledgement__init) {
          $0.unit = unit.unit.rawValue
          $0.digest = bytes(unit.digest.bytes)
        }
      })
  }
}
