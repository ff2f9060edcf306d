import Bytes
import Foundation
package import Records
import Telemetry
package import Tensor

/// An evaluation that actors share, from its beginning to its end: `eval/000020.parts/`, with the averaged weights
/// and each part as it came. Whoever opens the run next goes on with it.
///
/// Each file is a BLAKE2b-256 digest and the bytes that have it; `terms` is a digest alone, of what decides the parts
/// beside the weights.
package struct EvaluationFolder: Sendable {
  package let version: UInt64
  private let path: String

  private static let suffix = ".parts"
  private static let weights = "weights"
  private static let terms = "terms"

  package init(of version: UInt64, in folder: RunFolder) {
    self.version = version
    path = "\(folder.evaluations)/\(Checkpoint.name(of: version))\(Self.suffix)"
  }

  /// Those in a run folder, in the order of their versions.
  package static func all(in folder: RunFolder) -> [EvaluationFolder] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.evaluations)) ?? []
    return names.filter { $0.hasSuffix(suffix) }
      .compactMap { Checkpoint.version(String($0.dropLast(suffix.count))) }.sorted()
      .map { EvaluationFolder(of: $0, in: folder) }
  }

  /// The weights of evaluations that an earlier life of a run left, by version; the folders are removed.
  ///
  /// - Parameter count: of the model's parameters.
  package static func taken(
    from folder: RunFolder, count: Int, notice: (String) -> Void
  ) throws -> [UInt64: Buffer] {
    var weights: [UInt64: Buffer] = [:]
    for old in all(in: folder) {
      weights[old.version] = old.weights(count: count)
      if weights[old.version] == nil { notice(loss(of: old.version)) }
      try old.remove()
    }
    return weights
  }

  /// What is said of one whose weights are damaged.
  package static func loss(of version: UInt64) -> String {
    "! the evaluation of version \(version) cannot be finished: its weights in eval/ are damaged"
  }

  /// Whether a run at this version has evaluations to make that actors share.
  package static func areLeft(in folder: RunFolder, at version: UInt64) throws -> Bool {
    try !all(in: folder).isEmpty
      || !MetricsFile.evaluations(in: folder.metrics).contains(version)
      || !FileManager.default.fileExists(atPath: folder.evaluation(of: version))
  }

  /// Makes the folder; the evaluation is begun once its weights are on the disk.
  package func begin(_ weights: Buffer, under terms: Digest) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try AtomicFile.write(terms.bytes, to: "\(path)/\(Self.terms)")
    try unsafe weights.withBytes { bytes in
      try unsafe AtomicFile.write(
        DigestBuilder.digest(of: bytes), followedBy: bytes, to: "\(path)/\(Self.weights)")
    }
  }

  /// The part is on the disk when this returns.
  package func add(_ payload: [UInt8], digest: Digest, part: Int) throws {
    try AtomicFile.write(digest.bytes + payload, to: "\(path)/\(part)")
  }

  /// The averaged weights; nil where they are not whole.
  ///
  /// - Parameter count: of the model's parameters.
  package func weights(count: Int) -> Buffer? {
    guard let (bytes, _) = bytes(of: Self.weights), bytes.count == 4 * count else { return nil }
    let weights = Buffer(count: count)
    weights.write(bytes, atByte: 0)
    return weights
  }

  /// Whether its parts were made under these terms.
  package func isUnder(_ terms: Digest) -> Bool {
    FileManager.default.contents(atPath: "\(path)/\(Self.terms)") == Data(terms.bytes)
  }

  /// A part's payload; nil where it is not here, or not whole.
  package func part(_ number: Int) -> (payload: [UInt8], digest: Digest)? {
    bytes(of: "\(number)")
  }

  private func bytes(of name: String) -> (payload: [UInt8], digest: Digest)? {
    guard let data = FileManager.default.contents(atPath: "\(path)/\(name)"), data.count >= 32
    else { return nil }
    let digest = Digest(bytes: Array(data.prefix(32)))
    let bytes = Array(data.dropFirst(32))
    return Digest(bytes: DigestBuilder.digest(of: bytes)) == digest ? (bytes, digest) : nil
  }

  package func remove() throws { try FileManager.default.removeItem(atPath: path) }
}
