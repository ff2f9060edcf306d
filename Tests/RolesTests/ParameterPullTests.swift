import Flow
import Learning
import Network
import Records
import Roles
import Tensor
import Testing
import TestSupport
import TinyRecipe
import Wire

struct ParameterPullTests {
  /// Two and a half chunks of 512 KiB.
  static let scalars = Philox(seed: 3).normals(
    at: NoiseAddress(unit: 0, purpose: .pretraining), count: 5 << 16)

  static func snapshot(_ version: UInt64, _ scalars: [Float] = scalars) -> Snapshot {
    Snapshot(version: PolicyVersion(version), parameters: Buffer(scalars))
  }

  static func published(_ snapshot: Snapshot = snapshot(4), against bases: [Snapshot?] = [])
    -> PublishedSnapshots
  {
    var published = PublishedSnapshots()
    published.publish(
      PublishedSnapshot(snapshot, packedAgainst: bases), keepingFrom: PolicyVersion(0))
    return published
  }

  static func manifest() -> Manifest { published().manifest(of: PolicyVersion(4)) }

  static func answer(_ request: ChunkRequest, from published: PublishedSnapshots)
    throws -> (Chunk, [UInt8])
  {
    (
      Chunk(whole: request.whole, index: request.index), try #require(published.chunk(request))
    )
  }

  static func refusal(_ manifest: Manifest, expectedCount: Int = scalars.count) -> RunFailure? {
    do throws(RunFailure) {
      try ParameterPull.check(manifest, expectedCount: expectedCount)
      return nil
    } catch {
      return error
    }
  }

  /// Pulls all of it; the chunks that were sent, in order.
  ///
  /// - Parameter send: what becomes of a chunk on its way.
  static func finish(
    _ pull: inout ParameterPull, from published: PublishedSnapshots, isReversed: Bool = false,
    send: (inout [UInt8]) -> Void = { _ in }
  ) throws -> (set: ParameterSet, bytes: Int, requests: [ChunkRequest]) {
    var wanted = pull.requests()
    var (bytes, requests) = (0, wanted)
    while !wanted.isEmpty {
      var (chunk, payload) = try answer(
        isReversed ? wanted.removeLast() : wanted.removeFirst(), from: published)
      send(&payload)
      bytes += payload.count
      switch pull.received(chunk, payload: payload) {
      case .ask(let more):
        wanted += more
        requests += more
      case .wait: continue
      case .done(let set):
        #expect(wanted.isEmpty)
        #expect(pull.received(chunk, payload: payload) == nil, "a late chunk is ignored")
        chunk.index += 1
        #expect(pull.received(chunk, payload: payload) == nil, "and so is one behind the end")
        return (set, bytes, requests)
      case let other: throw Unexpected(what: "\(String(describing: other))")
      }
    }
    throw Unexpected(what: "the pull asks for nothing and has not ended")
  }

  struct Unexpected: Error { let what: String }

  @Test(arguments: [false, true])
  func `what is published arrives chunk by chunk, in any order`(isReversed: Bool) throws {
    let published = Self.published()
    var pull = ParameterPull(Self.manifest())
    #expect(pull.version == PolicyVersion(4))
    let all = try Self.finish(&pull, from: published, isReversed: isReversed)
    #expect(all.requests.map(\.index) == [0, 1, 2])
    #expect(all.set.buffer.scalars == Self.scalars)
  }

  @Test func `a pull asks for eight chunks ahead, and for each that comes for one more`() throws {
    let scalars = Philox(seed: 4).normals(
      at: NoiseAddress(unit: 0, purpose: .pretraining), count: 20 << 17)
    let published = Self.published(Self.snapshot(4, scalars))
    let manifest = published.manifest(of: PolicyVersion(4))
    var pull = ParameterPull(manifest)
    var wanted = pull.requests()
    #expect(wanted.map(\.index) == Array(0..<8))
    for index: UInt32 in 0..<20 {
      let (chunk, payload) = try Self.answer(wanted.removeFirst(), from: published)
      #expect(chunk.index == index)
      switch pull.received(chunk, payload: payload) {
      case .ask(let next):
        #expect(next.map(\.index) == [index + 8])
        wanted += next
      case .wait: #expect(index >= 12 && index < 19)
      case .done: #expect(index == 19)
      case let other: Issue.record("\(String(describing: other))")
      }
    }
  }

  @Test func `a chunk that was not asked for is ignored`() throws {
    let published = Self.published()
    var pull = ParameterPull(Self.manifest())
    let (zero, first) = try Self.answer(pull.requests()[0], from: published)
    var foreign = zero
    foreign.whole = Tiny.digest(1)
    #expect(pull.received(foreign, payload: first) == nil)
    guard case .wait = pull.received(zero, payload: first) else {
      Issue.record("the first chunk is not taken")
      return
    }
    #expect(pull.received(zero, payload: first) == nil, "the same chunk a second time")
  }

  @Test func `bytes without their digest fail the pull`() throws {
    let published = Self.published()
    for send: (inout [UInt8]) -> Void in [
      { $0[1000] ^= 1 }, { $0.removeLast() }, { $0.append(0) },
    ] {
      var pull = ParameterPull(Self.manifest())
      var (chunk, payload) = try Self.answer(pull.requests()[0], from: published)
      send(&payload)
      guard case .failed = pull.received(chunk, payload: payload) else {
        Issue.record("\(payload.count) wrong bytes are taken")
        continue
      }
    }
  }

  @Test func `no bytes say that the version is gone`() throws {
    var pull = ParameterPull(Self.manifest())
    let chunk = Chunk(whole: pull.requests()[0].whole, index: 0)
    guard case .gone = pull.received(chunk, payload: []) else {
      Issue.record("the pull goes on")
      return
    }
  }

  @Test func `a chunk larger than announced is refused, whatever its digest`() throws {
    var manifest = Self.manifest()
    let large = [UInt8](repeating: 1, count: 1_300_000)
    manifest.chunks = manifest.chunks.map { _ in Digest(of: large) }
    var pull = ParameterPull(manifest)
    let step = pull.received(Chunk(whole: pull.requests()[0].whole, index: 0), payload: large)
    guard case .failed(let reason) = step else {
      Issue.record("\(String(describing: step))")
      return
    }
    #expect(reason.contains("1300000 bytes, 524288 were announced"), "\(reason)")
  }

  @Test func `chunks that are right one by one must also be right together`() throws {
    var manifest = Self.manifest()
    manifest.paramsHash = Tiny.digest(1)
    var pull = ParameterPull(manifest)
    var last: ParameterPull.Step?
    for request in pull.requests() {
      let bytes = Self.published().chunk(
        ChunkRequest(whole: Self.manifest().paramsHash, index: request.index))
      last = pull.received(
        Chunk(whole: request.whole, index: request.index), payload: try #require(bytes))
    }
    guard case .failed = last else {
      Issue.record("\(String(describing: last))")
      return
    }
  }

  @Test func `a manifest that is not of this model is refused before anything is allocated`() {
    let manifest = Self.manifest()
    #expect(Self.refusal(manifest) == nil)
    var changed = manifest
    for bytes in [0, 4, manifest.byteCount - 1, manifest.byteCount + 4, 1 << 62, .max] {
      changed.byteCount = bytes
      #expect(Self.refusal(changed)?.code == .incompatible, "\(bytes) bytes")
    }
    changed = manifest
    for size: UInt32 in [0, 1, 524_287, 512 << 9, 512 << 12, .max] {
      changed.chunkSize = size
      #expect(Self.refusal(changed)?.code == .incompatible, "chunks of \(size)")
    }
    changed = manifest
    changed.chunks.append(changed.chunks[0])
    #expect(Self.refusal(changed)?.code == .incompatible)
    #expect(Self.refusal(manifest, expectedCount: Self.scalars.count + 1)?.code == .incompatible)
  }

  @Test func `a manifest without chunks says that the version is gone`() throws {
    var cache = ParameterCache()
    let now = ContinuousClock.now
    _ = cache.ask(for: PolicyVersion(3), now: now)
    let manifest = Self.published().manifest(of: PolicyVersion(3))
    #expect(manifest.chunks.isEmpty)
    guard
      case .gone(PolicyVersion(3)) = try cache.take(
        manifest, expectedCount: Self.scalars.count, now: now)
    else {
      Issue.record("it is waited for")
      return
    }
  }

  @Test func `published versions are kept as long as they are needed`() {
    var published = PublishedSnapshots()
    var hashes: [Digest] = []
    for version: UInt64 in 0..<4 {
      let snapshot = Self.snapshot(version, [Float(version), 1])
      hashes.append(snapshot.hash)
      published.publish(
        PublishedSnapshot(snapshot), keepingFrom: PolicyVersion(version == 0 ? 0 : version - 1))
    }
    for (version, hash) in hashes.enumerated() {
      let isKept = version >= 2
      #expect(published.hash(of: PolicyVersion(UInt64(version))) == (isKept ? hash : nil))
      #expect((published.chunk(ChunkRequest(whole: hash))?.count == 8) == isKept)
    }
    #expect(published.chunk(ChunkRequest(whole: hashes[3], index: 1)) == nil)
    #expect(published.chunk(ChunkRequest(whole: hashes[3], index: .max)) == nil)
    #expect(published.chunk(ChunkRequest(whole: Tiny.digest(7))) == nil)
  }

  // MARK: Packed

  /// A version and the next one, in which every value has moved by a relative 1e-4 or so.
  static let moved = scalars.map { $0 * (1 + 1e-4 * ($0 > 0 ? 1 : -0.5)) }

  @Test func `who has the version before needs less of the next, and gets the same`() throws {
    let (before, after) = (Self.snapshot(3), Self.snapshot(4, Self.moved))
    let published = Self.published(after, against: [before])
    let packing = published.packing(PackingRequest(version: PolicyVersion(4), base: before.hash))
    #expect(packing.base == before.hash && packing.chunks.count == 3)
    var pull = ParameterPull(
      published.manifest(of: PolicyVersion(4)), packing: packing, base: before.parameters)
    let all = try Self.finish(&pull, from: published)
    #expect(all.set.buffer.scalars == Self.moved)
    #expect(all.bytes < Self.moved.count * 4 * 3 / 4, "\(all.bytes) bytes")
  }

  @Test func `who has another base, or none, gets the chunks as they are`() throws {
    let (before, after) = (Self.snapshot(3), Self.snapshot(4, Self.moved))
    let published = Self.published(after, against: [before])
    for base in [nil, Tiny.digest(1)] {
      let packing = published.packing(PackingRequest(version: PolicyVersion(4), base: base))
      #expect(packing.chunks.isEmpty)
      var pull = ParameterPull(published.manifest(of: PolicyVersion(4)), packing: packing)
      let all = try Self.finish(&pull, from: published)
      #expect(all.bytes == Self.moved.count * 4)
      #expect(all.set.buffer.scalars == Self.moved)
    }
  }

  /// A learner that names the wrong base, or whose packed bytes are of something else.
  @Test func `a packing that does not lead to its chunks is made good by them`() throws {
    let (before, after) = (Self.snapshot(3), Self.snapshot(4, Self.moved))
    let published = Self.published(after, against: [before])
    let packing = published.packing(PackingRequest(version: PolicyVersion(4), base: before.hash))
    let other = Self.snapshot(2, Self.moved.map { $0 + 1 })
    var lying = packing
    lying.base = other.hash
    var pull = ParameterPull(
      published.manifest(of: PolicyVersion(4)), packing: lying, base: other.parameters)
    let all = try Self.finish(&pull, from: published)
    #expect(all.set.buffer.scalars == Self.moved)
    #expect(all.requests.count == 6, "each chunk packed, and then as it is")
  }

  @Test func `rounded values need less for everybody`() throws {
    let rounded = Self.snapshot(4, Buffer(Self.scalars).roundedToBFloat16().scalars)
    let published = Self.published(rounded, against: [nil])
    let packing = published.packing(PackingRequest(version: PolicyVersion(4), base: nil))
    #expect(packing.base == nil && packing.chunks.count == 3)
    var pull = ParameterPull(published.manifest(of: PolicyVersion(4)), packing: packing)
    let all = try Self.finish(&pull, from: published)
    #expect(all.set.buffer.scalars == rounded.parameters.buffer.scalars)
    #expect(all.bytes < Self.scalars.count * 2, "\(all.bytes) bytes")
  }

  @Test func `a cache asks for the shorter form against the version that it has`() throws {
    var cache = ParameterCache()
    let now = ContinuousClock.now
    let (before, after) = (Self.snapshot(3), Self.snapshot(4, Self.moved))
    var published = Self.published(before)
    published.publish(
      PublishedSnapshot(after, packedAgainst: [before]), keepingFrom: PolicyVersion(3))
    var base: Digest?
    for snapshot in [before, after] {
      let question = cache.ask(for: snapshot.version, isPacked: true, now: now)
      #expect(question?.packing == PackingRequest(version: snapshot.version, base: base))
      let second = cache.ask(for: PolicyVersion(9), now: now)
      #expect(second == nil, "one pull at a time")
      let manifest = published.manifest(of: snapshot.version)
      guard
        case .ignored = try cache.take(manifest, expectedCount: Self.scalars.count, now: now),
        case .ask(var wanted) = cache.take(
          published.packing(PackingRequest(version: snapshot.version, base: base)), now: now)
      else {
        Issue.record("it does not wait for both answers")
        return
      }
      while !wanted.isEmpty {
        let (chunk, payload) = try Self.answer(wanted.removeFirst(), from: published)
        if case .ask(let more) = cache.take(chunk, payload: payload, now: now) { wanted += more }
      }
      #expect(cache.weights(snapshot.hash) != nil)
      base = snapshot.hash
    }
  }
}
