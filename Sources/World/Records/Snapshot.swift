/// The training weights at one version, as published to actors.
package struct Snapshot: Sendable {
  package let version: PolicyVersion
  /// Every parameter, in the order of the network's table.
  package let parameters: [Float]
  /// The digest of the parameters' little-endian bytes: the `params_hash` of the version.
  package let hash: Digest

  package init(version: PolicyVersion, parameters: [Float], hash: Digest) {
    self.version = version
    self.parameters = parameters
    self.hash = hash
  }
}
