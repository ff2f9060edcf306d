package import Flow
package import Records
import Tensor
package import Wire

/// The pull of one version's parameters: manifest, chunks, and the check of every byte; a value
/// that says what to ask next.
///
/// Every chunk is checked by its digest, so it does not matter in which form and order they come.
package struct ParameterPull: Sendable {
  package enum Step: Sendable {
    case ask([ChunkRequest])
    /// Those that were asked for are still to come.
    case wait
    /// The learner does not keep a chunk any more.
    case gone
    /// All chunks are here and the whole has the promised hash.
    case done(ParameterSet)
    case failed(String)
  }

  private let manifest: Manifest
  private let packing: Packing?
  private let base: ParameterSet?
  private let buffer: Buffer
  /// Where that belongs which was asked for.
  private var wanted: [ChunkRequest: [Int]] = [:]
  /// The place from which on nothing was asked for.
  private var next = 0
  /// Places whose chunk is not here.
  private var missing: Int

  /// Chunks that are asked for ahead: 4 MiB fill a link of 300 Mbit/s with a round trip of 100 ms.
  private static let ahead = 8

  /// Whether a manifest is one of the run's network.
  ///
  /// - Parameter expectedCount: the parameters of the run's network.
  package static func check(_ manifest: Manifest, expectedCount: Int) throws(RunFailure) {
    let chunks =
      manifest.chunkSize == 0
      ? 0 : (Int(expectedCount) * 4 + Int(manifest.chunkSize) - 1) / Int(manifest.chunkSize)
    guard manifest.byteCount == UInt64(expectedCount * 4), manifest.chunks.count == chunks,
      manifest.chunkSize.isMultiple(of: 4)
    else {
      throw RunFailure(
        .incompatible,
        "the learner offers \(manifest.byteCount) bytes of parameters in \(manifest.chunks.count)"
          + " chunks, this model has \(expectedCount * 4) bytes")
    }
  }

  /// - Parameters:
  ///   - manifest: one that ``check(_:expectedCount:)`` has let pass.
  ///   - packing: a shorter form of the chunks; nil for none.
  ///   - base: the parameters that the packing needs.
  package init(_ manifest: Manifest, packing: Packing? = nil, base: ParameterSet? = nil) {
    self.manifest = manifest
    let count = Int(manifest.byteCount) / 4
    let isUsable =
      packing?.chunks.count == manifest.chunks.count && packing?.base == base?.digest
      && (base == nil || base?.buffer.count == count)
    self.packing = isUsable ? packing : nil
    self.base = isUsable ? base : nil
    buffer = Buffer(count: count)
    missing = manifest.chunks.count
  }

  package var version: PolicyVersion { manifest.version }
  package var paramsHash: Digest { manifest.paramsHash }

  /// What to ask for now: the next chunks, as far as not enough are on their way.
  package mutating func requests() -> [ChunkRequest] {
    var requests: [ChunkRequest] = []
    while wanted.count < Self.ahead, next < manifest.chunks.count {
      defer { next += 1 }
      let form = packing?.chunks[next] ?? manifest.chunks[next]
      requests += want(
        form == manifest.chunks[next] ? plain(next) : ChunkRequest(whole: form), at: next)
    }
    return requests
  }

  /// A chunk as it is.
  private func plain(_ place: Int) -> ChunkRequest {
    ChunkRequest(whole: manifest.paramsHash, index: UInt32(place))
  }

  /// - Returns: what to ask for; nothing if it is on its way for another place.
  private mutating func want(_ request: ChunkRequest, at place: Int) -> [ChunkRequest] {
    defer { wanted[request, default: []].append(place) }
    return wanted[request] == nil ? [request] : []
  }

  /// Takes a chunk in.
  ///
  /// - Returns: nil for one that was not asked for.
  package mutating func received(_ chunk: Chunk, payload: [UInt8]) -> Step? {
    let request = ChunkRequest(whole: chunk.whole, index: chunk.index)
    guard let places = wanted.removeValue(forKey: request) else { return nil }
    if payload.isEmpty { return .gone }
    if let fault = fault(of: payload, for: request, at: places[0]) {
      return .failed("chunk \(places[0]) of \(manifest.version) \(fault)")
    }
    var requests: [ChunkRequest] = []
    for place in places {
      if let bytes = request == plain(place) ? payload : unpacked(payload, at: place) {
        buffer.write(bytes, atByte: place * Int(manifest.chunkSize))
        missing -= 1
      } else {
        // What a packing does not lead to is asked for as it is.
        requests += want(plain(place), at: place)
      }
    }
    requests += self.requests()
    if !requests.isEmpty { return .ask(requests) }
    guard missing == 0 else { return .wait }
    let set = ParameterSet(buffer)
    guard set.digest == manifest.paramsHash else {
      return .failed("the parameters of \(manifest.version) do not have their hash")
    }
    return .done(set)
  }

  /// What is wrong with bytes that came for a request; nil if they are what was announced.
  private func fault(of payload: [UInt8], for request: ChunkRequest, at place: Int) -> String? {
    let (isPlain, expected) = (request == plain(place), byteCount(at: place))
    guard isPlain ? payload.count == expected : payload.count < expected else {
      return "has \(payload.count) bytes, \(expected) were announced"
    }
    return Digest(of: payload) == (isPlain ? manifest.chunks[place] : request.whole)
      ? nil : "does not have its digest"
  }

  private func byteCount(at place: Int) -> Int {
    min(Int(manifest.chunkSize), Int(manifest.byteCount) - place * Int(manifest.chunkSize))
  }

  /// The chunk of a packed one, if it is the one of the manifest.
  private func unpacked(_ packed: [UInt8], at place: Int) -> [UInt8]? {
    let (start, count) = (place * Int(manifest.chunkSize), byteCount(at: place))
    let bytes: [UInt8]?
    if let base {
      bytes = unsafe base.buffer.withBytes {
        unsafe ChunkPacking.unpacked(
          packed, base: UnsafeRawBufferPointer(rebasing: $0[start..<start + count]),
          byteCount: count)
      }
    } else {
      bytes = unsafe ChunkPacking.unpacked(packed, base: nil, byteCount: count)
    }
    guard let bytes, Digest(of: bytes) == manifest.chunks[place] else { return nil }
    return bytes
  }
}
