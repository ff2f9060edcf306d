package import Records

/// What learner and actors say to each other.
///
/// One multipart message is `[envelope][payload]`: the envelope is protobuf, the payload is one part,
/// present only in ``result`` (a serialised trajectory) and ``chunk`` (parameter bytes).
/// ``WireLimits`` bounds both.
package enum Message: Hashable, Sendable {
  /// Actor → learner: the first message of a session, and again after each reconnect.
  case hello(Hello)
  /// Learner → actor: the session is open; here is the run.
  case welcome(Welcome)
  /// Learner → actor: no session, and why.
  case reject(Reject)
  /// Actor → learner, once a second: state, not events, so that a lost message heals.
  case heartbeat(Heartbeat)
  /// Learner → actor: the answer to a heartbeat.
  case pulse(Pulse)
  /// Learner → actor: run this unit with these parameters.
  case lease(Lease)
  /// Actor → learner: a finished unit; the payload is the serialised trajectory.
  case result(UnitResult)
  /// Learner → actor: these units are in the journal and `fdatasync` returned.
  case acknowledge([Acknowledgement])
  /// Learner → actor: the result was refused.
  case refuse(Refusal)
  /// Actor → learner: an unfinished lease is handed back.
  case release(Release)
  /// Actor → learner: which chunks make up these parameters?
  case manifestRequest(PolicyVersion)
  /// Learner → actor.
  case manifest(Manifest)
  /// Actor → learner: which form of these chunks is shorter?
  case packingRequest(PackingRequest)
  /// Learner → actor.
  case packing(Packing)
  /// Actor → learner: one chunk of the parameters.
  case chunkRequest(ChunkRequest)
  /// Learner → actor; the payload holds the bytes, none where the whole is not kept.
  case chunk(Chunk)
  /// Learner → actor: take no more leases, hand back or finish what you hold, say goodbye.
  case drain(reason: String)
  /// Either way: the session is over.
  case goodbye(reason: String)
}

package struct Hello: Hashable, Sendable {
  package var actor: String
  /// 128 random bits of this process life, 32 hexadecimal digits.
  package var life: String
  package var pid: UInt32
  /// Empty while the actor does not know the run yet.
  package var runID: String
  /// nil while the actor does not know the run yet.
  package var configurationHash: Digest?
  /// nil while the actor does not know the run yet.
  package var modelHash: Digest?
  package var numericsClass: String
  /// The highest learner epoch this actor has seen; 0 for none.
  package var highestEpoch: UInt64
  /// Results that were sent and not yet acknowledged.
  package var held: [Acknowledgement]

  package init(
    actor: String, life: String, pid: UInt32, runID: String, configurationHash: Digest?,
    modelHash: Digest?, numericsClass: String, highestEpoch: UInt64, held: [Acknowledgement]
  ) {
    self.actor = actor
    self.life = life
    self.pid = pid
    self.runID = runID
    self.configurationHash = configurationHash
    self.modelHash = modelHash
    self.numericsClass = numericsClass
    self.highestEpoch = highestEpoch
    self.held = held
  }
}

package struct Welcome: Hashable, Sendable {
  package var runID: String
  package var configuration: String
  package var configurationHash: Digest
  package var modelHash: Digest
  package var committed: PolicyVersion
  /// How often the actor sends a heartbeat, and after how long a silence either side gives up.
  package var heartbeatMilliseconds: UInt32
  package var livenessMilliseconds: UInt32
  /// Held units that are durable already: the actor forgets them, and sends the others again.
  package var discard: [UnitID]

  package init(
    runID: String, configuration: String, configurationHash: Digest, modelHash: Digest,
    committed: PolicyVersion, heartbeatMilliseconds: UInt32, livenessMilliseconds: UInt32,
    discard: [UnitID]
  ) {
    self.runID = runID
    self.configuration = configuration
    self.configurationHash = configurationHash
    self.modelHash = modelHash
    self.committed = committed
    self.heartbeatMilliseconds = heartbeatMilliseconds
    self.livenessMilliseconds = livenessMilliseconds
    self.discard = discard
  }
}

package struct Reject: Hashable, Sendable {
  package enum Code: UInt32, Sendable {
    case protocolVersion = 1
    case run, configuration, model, numericsClass, staleEpoch, tooManySessions, notAuthorised
  }
  package var code: Code
  /// One sentence for the actor's user.
  package var text: String

  package init(code: Code, text: String) {
    self.code = code
    self.text = text
  }
}

package struct Heartbeat: Hashable, Sendable {
  /// How many more units the actor can take now.
  package var free: UInt32
  /// Leases taken and not yet sent back as results.
  package var held: [UnitID]
  /// Units finished so far; what grows proves to the learner that leases are worked on.
  package var progress: UInt64
  /// The version of the parameters in memory.
  package var version: PolicyVersion

  package init(free: UInt32, held: [UnitID], progress: UInt64, version: PolicyVersion) {
    self.free = free
    self.held = held
    self.progress = progress
    self.version = version
  }
}

package struct Pulse: Hashable, Sendable {
  package var committed: PolicyVersion

  package init(committed: PolicyVersion) { self.committed = committed }
}

package struct Lease: Hashable, Sendable {
  package var unit: UnitID
  package var attempt: UInt32
  package var version: PolicyVersion
  package var paramsHash: Digest
  /// Relative to the receipt of the message.
  package var deadlineMilliseconds: UInt32

  package init(
    unit: UnitID, attempt: UInt32, version: PolicyVersion, paramsHash: Digest,
    deadlineMilliseconds: UInt32
  ) {
    self.unit = unit
    self.attempt = attempt
    self.version = version
    self.paramsHash = paramsHash
    self.deadlineMilliseconds = deadlineMilliseconds
  }
}

package struct UnitResult: Hashable, Sendable {
  package var unit: UnitID
  package var attempt: UInt32
  package var version: PolicyVersion
  package var paramsHash: Digest
  /// The digest of the payload.
  package var digest: Digest
  package var byteCount: UInt32
  /// Where the actor's core worked, for the run's split and its core-seconds; never part of the numbers.
  package var sampleMicroseconds: UInt64
  package var judgeMicroseconds: UInt64

  package init(
    unit: UnitID, attempt: UInt32, version: PolicyVersion, paramsHash: Digest, digest: Digest,
    byteCount: UInt32, sampleMicroseconds: UInt64, judgeMicroseconds: UInt64
  ) {
    self.unit = unit
    self.attempt = attempt
    self.version = version
    self.paramsHash = paramsHash
    self.digest = digest
    self.byteCount = byteCount
    self.sampleMicroseconds = sampleMicroseconds
    self.judgeMicroseconds = judgeMicroseconds
  }
}

package struct Acknowledgement: Hashable, Sendable {
  package var unit: UnitID
  package var digest: Digest

  package init(unit: UnitID, digest: Digest) {
    self.unit = unit
    self.digest = digest
  }
}

package struct Refusal: Hashable, Sendable {
  package enum Code: UInt32, Sendable {
    case staleEpoch = 1
    case notLeased, invalid, digestMismatch, tooLarge, busy
  }
  package var unit: UnitID
  package var code: Code
  package var text: String

  package init(unit: UnitID, code: Code, text: String) {
    self.unit = unit
    self.code = code
    self.text = text
  }
}

package struct Release: Hashable, Sendable {
  package enum Code: UInt32, Sendable {
    /// The actor ends, or cannot.
    case leaving = 0
    /// A reward gave no scores: the unit is whole again and may be leased to anyone.
    case rewardFailed
  }
  package var unit: UnitID
  package var attempt: UInt32
  package var code: Code
  package var reason: String

  package init(unit: UnitID, attempt: UInt32, code: Code = .leaving, reason: String) {
    self.unit = unit
    self.attempt = attempt
    self.code = code
    self.reason = reason
  }
}

package struct Manifest: Hashable, Sendable {
  package var version: PolicyVersion
  /// The digest of all bytes together: the `params_hash`.
  package var paramsHash: Digest
  package var byteCount: UInt64
  package var chunkSize: UInt32
  /// The digest of each chunk, in order. Empty means that the version is no longer kept.
  package var chunks: [Digest]

  package init(
    version: PolicyVersion, paramsHash: Digest, byteCount: UInt64, chunkSize: UInt32,
    chunks: [Digest]
  ) {
    self.version = version
    self.paramsHash = paramsHash
    self.byteCount = byteCount
    self.chunkSize = chunkSize
    self.chunks = chunks
  }
}

package struct PackingRequest: Hashable, Sendable {
  package var version: PolicyVersion
  /// Parameters that the asker has; nil for none.
  package var base: Digest?

  package init(version: PolicyVersion, base: Digest?) {
    self.version = version
    self.base = base
  }
}

package struct Packing: Hashable, Sendable {
  package var version: PolicyVersion
  /// The parameters that were taken from it; nil for none.
  package var base: Digest?
  /// The digest of each packed chunk, in order; of one that is sent as it is, that of the chunk. Empty means
  /// that there is no packing.
  package var chunks: [Digest]

  package init(version: PolicyVersion, base: Digest?, chunks: [Digest]) {
    self.version = version
    self.base = base
    self.chunks = chunks
  }
}

/// A piece of something that is named by its digest. A packed chunk of parameters is a whole of one piece.
package struct ChunkRequest: Hashable, Sendable {
  /// The digest of the whole.
  package var whole: Digest
  package var index: UInt32

  package init(whole: Digest, index: UInt32 = 0) {
    self.whole = whole
    self.index = index
  }
}

package struct Chunk: Hashable, Sendable {
  /// The digest of the whole.
  package var whole: Digest
  package var index: UInt32

  package init(whole: Digest, index: UInt32 = 0) {
    self.whole = whole
    self.index = index
  }
}
