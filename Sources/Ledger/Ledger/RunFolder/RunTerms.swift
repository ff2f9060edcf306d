import Flow
package import Learning
import Network
package import Records
import Tensor
import Wire

/// What learner and actors must agree on before a number is computed.
package struct RunTerms: Sendable {
  /// Bytes of the longest configuration that actors can be sent.
  package static var configurationLimit: Int { WireLimits.configurationBytes }

  package var runID: String
  /// The resolved configuration, YAML.
  package var configuration: String
  /// The digest of what in it decides numbers.
  package var configurationHash: Digest
  /// The digest of the model's identity.
  package var modelHash: Digest
  package var numericsClass: String
  /// What the configuration names by its digest and actors need: prompts, text in UTF-8, and what an
  /// adapter is added to.
  package var lists: [Digest: [UInt8]]

  /// - Parameter numericalConfiguration: the part of the configuration that decides numbers.
  package init(
    runID: String, configuration: String, numericalConfiguration: String, lists: [PromptList] = [],
    base: FrozenBase? = nil, recipe: Recipe
  ) {
    self.runID = runID
    self.configuration = configuration
    configurationHash = Digest(of: Array(numericalConfiguration.utf8))
    modelHash = recipe.modelHash
    numericsClass = Kernels.numericsClass
    self.lists = Dictionary(lists.map { ($0.digest, $0.bytes) }) { first, _ in first }
    if let base { self.lists[base.digest] = base.bytes }
  }

  package func header(epoch: UInt64, segment: UInt64) -> RunHeader {
    RunHeader(
      runID: runID, epoch: epoch, segment: segment, configurationHash: configurationHash,
      modelHash: modelHash, numericsClass: numericsClass, configuration: configuration)
  }
}

extension Recipe {
  /// The digest of the model's identity.
  package var modelHash: Digest {
    Digest(of: Array(model.contract.identity.utf8))
  }
}

extension RunTerms {
  /// Whether a journal can be continued or replayed here.
  ///
  /// - Parameter header: nil for a journal that says nothing yet.
  package func check(_ header: RunHeader?) throws {
    guard let header else { return }
    guard header.runID == runID else {
      throw RunFailure(
        .incompatible, "the run's journal is of run \(header.runID), its run.json says \(runID)")
    }
    guard header.numericsClass == numericsClass else {
      throw RunFailure(
        .incompatible,
        "the run was made in numerics class \(header.numericsClass), this process computes in"
          + " \(numericsClass): their bits differ. Use the release that made the run")
    }
    guard header.configurationHash == configurationHash else {
      throw RunFailure(
        .incompatible,
        "the run's journal was written under another configuration than its config.yaml")
    }
    guard header.modelHash == modelHash else {
      throw RunFailure(.incompatible, "the run was made with another model")
    }
  }
}
