package import Flow
package import Records
package import Tensor

/// The parameters that sample at one version, as published to actors: one copy, which everybody shares.
package struct Snapshot: Sendable {
  package let version: PolicyVersion
  package let parameters: ParameterSet

  /// - Parameter parameters: not changed any more.
  package init(version: PolicyVersion, parameters: Buffer) {
    self.version = version
    self.parameters = ParameterSet(parameters)
  }

  /// The digest of the parameters' little-endian bytes: the `params_hash` of the version.
  package var hash: Digest { parameters.digest }
}
