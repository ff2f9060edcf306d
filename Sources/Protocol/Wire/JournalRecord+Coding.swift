import CWire
import Records

extension JournalRecord {
  /// The bytes of one journal record. Equal records give equal bytes.
  ///
  /// - Precondition: a payload of 1 to ``WireLimits/unitBytes`` bytes, texts and a commit's
  ///   numbers within ``WireLimits``.
  package func encoded() -> [UInt8] {
    let arena = Arena()
    let record = arena.make(tributary__v1__journal_record__init) { pack(into: &$0, arena) }
    return withExtendedLifetime(arena) {
      packed(
        record, tributary__v1__journal_record__get_packed_size, tributary__v1__journal_record__pack)
    }
  }

  private func pack(into record: inout Tributary__V1__JournalRecord, _ arena: Arena) {
    switch self {
    case .header(let run):
      record.body_case = TRIBUTARY__V1__JOURNAL_RECORD__BODY_HEADER
      record.header = arena.make(tributary__v1__run_header__init) { header in
        header.run_id = arena.name(run.runID)
        header.epoch = run.epoch
        header.segment = run.segment
        header.configuration_hash = arena.bytes(run.configurationHash.bytes)
        header.model_hash = arena.bytes(run.modelHash.bytes)
        header.numerics_class = arena.name(run.numericsClass)
        header.configuration = arena.name(run.configuration, limit: WireLimits.configurationBytes)
      }
    case .trajectory(let unit, let epoch, let digest, let payload):
      precondition(
        1...WireLimits.unitBytes ~= payload.count, "a payload of \(payload.count) bytes")
      record.body_case = TRIBUTARY__V1__JOURNAL_RECORD__BODY_TRAJECTORY
      record.trajectory = arena.make(tributary__v1__trajectory_record__init) { trajectory in
        trajectory.unit = unit.rawValue
        trajectory.epoch = epoch
        trajectory.digest = arena.bytes(digest.bytes)
        trajectory.payload = arena.bytes(payload)
      }
    case .commit(let update):
      record.body_case = TRIBUTARY__V1__JOURNAL_RECORD__BODY_COMMIT
      record.commit = arena.make(tributary__v1__commit__init) { commit in
        commit.update = update.update
        commit.epoch = update.epoch
        commit.first_unit = update.firstUnit.rawValue
        commit.unit_count = UInt32(update.unitCount)
        commit.units_digest = arena.bytes(update.unitsDigest.bytes)
        commit.params_hash = arena.bytes(update.paramsHash.bytes)
        commit.state_hash = arena.bytes(update.stateHash.bytes)
        commit.reward = update.reward
      }
    case .voided(let found):
      record.body_case = TRIBUTARY__V1__JOURNAL_RECORD__BODY_VOIDED
      record.voided = arena.make(tributary__v1__voided_unit__init) { voided in
        voided.unit = found.unit.rawValue
        voided.epoch = found.epoch
        voided.digest = arena.bytes(found.digest.bytes)
        voided.reason = arena.sentence(found.reason)
      }
    }
  }

  /// Reads and checks one record. Whether a payload has its digest is for the caller, who must hash
  /// it anyway or trusts the record's checksum.
  package init(decoding bytes: [UInt8]) throws(WireError) {
    guard bytes.count <= WireLimits.recordBytes else {
      throw .tooLarge(place: "record", bytes: bytes.count, limit: WireLimits.recordBytes)
    }
    let arena = Arena(unpacking: bytes.count)
    defer { withExtendedLifetime(arena) {} }
    let record = try unpacked(
      bytes, as: .journalRecord, in: arena, tributary__v1__journal_record__unpack)
    switch record.body_case {
    case TRIBUTARY__V1__JOURNAL_RECORD__BODY_HEADER:
      self = .header(try RunHeader(record.header.pointee))
    case TRIBUTARY__V1__JOURNAL_RECORD__BODY_TRAJECTORY:
      let trajectory = record.trajectory.pointee
      guard trajectory.payload.len > 0 else { throw .missing(field: "trajectory_record.payload") }
      self = .trajectory(
        unit: UnitID(trajectory.unit), epoch: trajectory.epoch,
        digest: try Unpacked.digest(trajectory.digest, "trajectory_record.digest"),
        payload: Unpacked.bytes(trajectory.payload))
    case TRIBUTARY__V1__JOURNAL_RECORD__BODY_COMMIT:
      self = .commit(try Commit(record.commit.pointee))
    case TRIBUTARY__V1__JOURNAL_RECORD__BODY_VOIDED:
      let voided = record.voided.pointee
      self = .voided(
        VoidedUnit(
          unit: UnitID(voided.unit), epoch: voided.epoch,
          digest: try Unpacked.digest(voided.digest, "voided_unit.digest"),
          reason: try Unpacked.text(voided.reason, "voided_unit.reason")))
    default:
      throw .missing(field: "record.body")
    }
  }
}

extension RunHeader {
  fileprivate init(_ header: Tributary__V1__RunHeader) throws(WireError) {
    self.init(
      runID: try Unpacked.text(header.run_id, "run_header.run_id"), epoch: header.epoch,
      segment: header.segment,
      configurationHash: try Unpacked.digest(
        header.configuration_hash, "run_header.configuration_hash"),
      modelHash: try Unpacked.digest(header.model_hash, "run_header.model_hash"),
      numericsClass: try Unpacked.text(header.numerics_class, "run_header.numerics_class"),
      configuration: try Unpacked.text(header.configuration, "run_header.configuration"))
  }
}

extension Commit {
  /// Numbers are bounded, so that whoever counts units or versions on from them does not overflow.
  fileprivate init(_ commit: Tributary__V1__Commit) throws(WireError) {
    guard commit.update < WireLimits.updates else {
      throw .outOfRange(
        place: "commit.update", value: commit.update, allowed: "below \(WireLimits.updates)")
    }
    guard commit.unit_count <= WireLimits.unitsPerUpdate else {
      throw .outOfRange(
        place: "commit.unit_count", value: UInt64(commit.unit_count),
        allowed: "at most \(WireLimits.unitsPerUpdate)")
    }
    let units = WireLimits.updates * UInt64(WireLimits.unitsPerUpdate)
    guard commit.first_unit < units else {
      throw .outOfRange(
        place: "commit.first_unit", value: commit.first_unit, allowed: "below \(units)")
    }
    self.init(
      update: commit.update, epoch: commit.epoch, firstUnit: UnitID(commit.first_unit),
      unitCount: Int(commit.unit_count),
      unitsDigest: try Unpacked.digest(commit.units_digest, "commit.units_digest"),
      paramsHash: try Unpacked.digest(commit.params_hash, "commit.params_hash"),
      stateHash: try Unpacked.digest(commit.state_hash, "commit.state_hash"),
      reward: try Unpacked.finite(commit.reward, "commit.reward"))
  }
}

extension MessageRule {
  /// Every message of journal.proto, with our limits.
  static let journalRecord = MessageRule(
    "record", body: 1...4,
    [
      FieldRule(1, "header", .message(runHeader)),
      FieldRule(2, "trajectory", .message(trajectoryRecord)),
      FieldRule(3, "commit", .message(commit)),
      FieldRule(4, "voided", .message(voidedUnit)),
    ])

  private static let voidedUnit = MessageRule(
    "voided_unit",
    [
      FieldRule(1, "unit", .uint64),
      FieldRule(2, "epoch", .uint64),
      FieldRule(3, "digest", .digest),
      FieldRule(4, "reason", .text(WireLimits.textBytes)),
    ])

  private static let runHeader = MessageRule(
    "run_header",
    [
      FieldRule(1, "run_id", .text(WireLimits.nameBytes)),
      FieldRule(2, "epoch", .uint64),
      FieldRule(3, "segment", .uint64),
      FieldRule(4, "configuration_hash", .digest),
      FieldRule(5, "model_hash", .digest),
      FieldRule(6, "numerics_class", .text(WireLimits.nameBytes)),
      FieldRule(7, "configuration", .text(WireLimits.configurationBytes)),
    ])

  private static let trajectoryRecord = MessageRule(
    "trajectory_record",
    [
      FieldRule(1, "unit", .uint64),
      FieldRule(2, "epoch", .uint64),
      FieldRule(3, "digest", .digest),
      FieldRule(4, "payload", .bytes(WireLimits.unitBytes)),
    ])

  private static let commit = MessageRule(
    "commit",
    [
      FieldRule(1, "update", .uint64),
      FieldRule(2, "epoch", .uint64),
      FieldRule(3, "first_unit", .uint64),
      FieldRule(4, "unit_count", .uint32),
      FieldRule(5, "units_digest", .digest),
      FieldRule(6, "params_hash", .digest),
      FieldRule(7, "state_hash", .digest),
      FieldRule(8, "reward", .fixed32),
    ])
}
