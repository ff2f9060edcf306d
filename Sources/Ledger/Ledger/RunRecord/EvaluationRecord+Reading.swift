package import Learning

extension EvaluationRecord {
  /// Of such a file: it has a line's worth for every held-out prompt.
  private static let byteLimit = 1 << 28

  /// The record that a run keeps of a version.
  package init(of version: UInt64, in folder: RunFolder) throws {
    self = try RunFolder.read(
      EvaluationRecord.self, from: folder.evaluation(of: version), atMost: Self.byteLimit)
  }
}
