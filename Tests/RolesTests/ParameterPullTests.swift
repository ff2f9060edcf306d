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

  static func published() -> PublishedSnapshots {
    var published = PublishedSnapshots()
    published.publish(PublishedSnapshot(snapshot(4)), keepingFrom: PolicyVersion(0))
    return published
  }

  /// The answer of a learner to a request.
  static func answer(_ request: ChunkRequest, from published: PublishedSnapshots)
    throws -> (Chunk, [UInt8])
  {
    let bytes = try #require(published.chunk(request))
    return (Chunk(paramsHash: request.paramsHash, index: request.index), bytes)
  }

  static func refusal(_ manifest: Manifest, expectedCount: Int = scalars.count) -> RunFailure? {
    do throws(RunFailure) {
      _ = try ParameterPull(manifest, expectedCount: expectedCount)
      return nil
    } catch {
      return error
    }
  }

  @Test func `what is published arrives chunk by chunk`() throws {
    let published = Self.published()
    let manifest = published.manifest(of: PolicyVersion(4))
    #expect(manifest.chunks.count == 3)
    var pull = try ParameterPull(manifest, expectedCount: Self.scalars.count)
    #expect(pull.version == PolicyVersion(4))
    var wanted = pull.first
    var indices: [UInt32] = []
    while !wanted.isEmpty {
      let request = wanted.removeFirst()
      indices.append(request.index)
      let (chunk, payload) = try Self.answer(request, from: published)
      switch pull.received(chunk, payload: payload) {
      case .ask(let next): wanted.append(next)
      case .wait: continue
      case .done(let set):
        #expect(indices == [0, 1, 2] && wanted.isEmpty)
        #expect(set.buffer.scalars == Self.scalars)
        #expect(pull.received(chunk, payload: payload) == nil, "a late chunk is ignored")
        var beyond = chunk
        beyond.index += 1
        #expect(pull.received(beyond, payload: payload) == nil, "and so is one behind the end")
        return
      case let other:
        Issue.record("\(String(describing: other))")
        return
      }
    }
    Issue.record("the pull asks for nothing and has not ended")
  }

  @Test func `a pull asks for eight chunks ahead, and for each that comes for one more`() throws {
    let scalars = [Float](repeating: 0.5, count: 20 << 17)
    var published = PublishedSnapshots()
    published.publish(
      PublishedSnapshot(Self.snapshot(4, scalars)), keepingFrom: PolicyVersion(0))
    var pull = try ParameterPull(
      published.manifest(of: PolicyVersion(4)), expectedCount: scalars.count)
    var wanted = pull.first
    #expect(wanted.map(\.index) == Array(0..<8))
    for index: UInt32 in 0..<20 {
      let (chunk, payload) = try Self.answer(wanted.removeFirst(), from: published)
      #expect(chunk.index == index)
      switch pull.received(chunk, payload: payload) {
      case .ask(let next):
        #expect(next.index == index + 8)
        wanted.append(next)
      case .wait: #expect(index >= 12 && index < 19)
      case .done: #expect(index == 19)
      case let other: Issue.record("\(String(describing: other))")
      }
    }
  }

  @Test func `a chunk out of order or of other parameters is ignored`() throws {
    let published = Self.published()
    let manifest = published.manifest(of: PolicyVersion(4))
    var pull = try ParameterPull(manifest, expectedCount: Self.scalars.count)
    let (zero, first) = try Self.answer(pull.first[0], from: published)
    var later = zero
    later.index = 1
    #expect(pull.received(later, payload: first) == nil)
    var foreign = zero
    foreign.paramsHash = Tiny.digest(1)
    #expect(pull.received(foreign, payload: first) == nil)
    guard case .wait = pull.received(zero, payload: first) else {
      Issue.record("the first chunk is not taken")
      return
    }
    #expect(pull.received(zero, payload: first) == nil, "the same chunk a second time")
  }

  @Test func `bytes without their digest fail the pull`() throws {
    let published = Self.published()
    let manifest = published.manifest(of: PolicyVersion(4))
    let (zero, first) = try Self.answer(
      ParameterPull(manifest, expectedCount: Self.scalars.count).first[0], from: published)
    var damaged = first
    damaged[1000] ^= 1
    for payload in [damaged, Array(first.dropLast()), []] {
      var pull = try ParameterPull(manifest, expectedCount: Self.scalars.count)
      guard case .failed = pull.received(zero, payload: payload) else {
        Issue.record("\(payload.count) wrong bytes are taken")
        continue
      }
    }
  }

  @Test func `a chunk larger than announced is refused, whatever its digest`() throws {
    var manifest = Self.published().manifest(of: PolicyVersion(4))
    let large = [UInt8](repeating: 1, count: 1_300_000)
    manifest.chunks = manifest.chunks.map { _ in Digest(of: large) }
    var pull = try ParameterPull(manifest, expectedCount: Self.scalars.count)
    let step = pull.received(Chunk(paramsHash: manifest.paramsHash, index: 0), payload: large)
    guard case .failed(let reason) = step else {
      Issue.record("\(String(describing: step))")
      return
    }
    #expect(reason.contains("1300000 bytes, 524288 were announced"), "\(reason)")
  }

  @Test func `chunks that are right one by one must also be right together`() throws {
    let published = Self.published()
    var manifest = published.manifest(of: PolicyVersion(4))
    manifest.paramsHash = Tiny.digest(1)
    var pull = try ParameterPull(manifest, expectedCount: Self.scalars.count)
    var last: ParameterPull.Step?
    for index: UInt32 in 0..<3 {
      let bytes = try #require(
        published.chunk(
          ChunkRequest(
            paramsHash: published.manifest(of: PolicyVersion(4)).paramsHash, index: index)))
      last = pull.received(Chunk(paramsHash: manifest.paramsHash, index: index), payload: bytes)
    }
    guard case .failed = last else {
      Issue.record("\(String(describing: last))")
      return
    }
  }

  @Test func `a manifest that is not of this model is refused before anything is allocated`() {
    let manifest = Self.published().manifest(of: PolicyVersion(4))
    #expect(Self.refusal(manifest) == nil)
    var changed = manifest
    for bytes in [0, 4, manifest.byteCount - 1, manifest.byteCount + 4, 1 << 62, .max] {
      changed.byteCount = bytes
      #expect(Self.refusal(changed)?.code == .incompatible, "\(bytes) bytes")
    }
    changed = manifest
    for size: UInt32 in [0, 1, 512 << 9, 512 << 12, .max] {
      changed.chunkSize = size
      #expect(Self.refusal(changed)?.code == .incompatible, "chunks of \(size)")
    }
    changed = manifest
    changed.chunks.append(changed.chunks[0])
    #expect(Self.refusal(changed)?.code == .incompatible)
    #expect(Self.refusal(manifest, expectedCount: Self.scalars.count + 1)?.code == .incompatible)
  }

  @Test func `a manifest without chunks says that the version is gone`() {
    let manifest = Self.published().manifest(of: PolicyVersion(3))
    #expect(manifest.chunks.isEmpty)
    #expect(Self.refusal(manifest) != nil)
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
      let request = ChunkRequest(paramsHash: hash, index: 0)
      #expect((published.chunk(request)?.count == 8) == isKept)
    }
    #expect(published.chunk(ChunkRequest(paramsHash: hashes[3], index: 1)) == nil)
    #expect(published.chunk(ChunkRequest(paramsHash: hashes[3], index: .max)) == nil)
  }
}
