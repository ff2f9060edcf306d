package import Network
package import Tensor

/// What a velocity model says of itself before a number is computed.
package struct ModelContract: Hashable, Sendable {
  /// One line that names the architecture; stands in the files of its parameters.
  package var architecture: String
  /// Everything that decides what the model computes of its parameters, as text: models of one identity
  /// compute one function.
  package var identity: String
  /// θ.
  package var parameters: ParameterManifest
  /// The shape of a latent, such as `[tokens, channels]`.
  package var latent: [Int]
  package var guidance: Guidance
  /// Evaluations of the network for one row under guidance.
  package var guidedEvaluations: Int
  package var exactness: Exactness
  /// Height and width of the pictures that it decodes; nil where the task does.
  package var picture: PictureSize?
  /// Rows with which a call is worth its while: units share calls until they have so many.
  package var wantedRows = 1
  /// What else stands in the files of its parameters.
  package var notes: [String: String] = [:]

  /// How it follows a guidance scale w.
  package enum Guidance: String, Hashable, Sendable, CaseIterable {
    /// v = w·v(prompt) + (1 − w)·v(none).
    case linear
    /// Any other rule.
    case own
    /// w = 1 alone.
    case none
  }

  package struct PictureSize: Hashable, Sendable {
    package var height: Int
    package var width: Int

    package init(height: Int, width: Int) { (self.height, self.width) = (height, width) }
  }

  /// What can be promised of its bits.
  package struct Exactness: Hashable, Sendable {
    /// What they depend on: kernels, device, libraries. Bits are compared within one class.
    package var numericsClass: String
    /// The same call has the same velocities, whoever makes it.
    package var isExact: Bool
    /// A row's velocity does not depend on the rows beside it.
    package var isRowInvariant: Bool
    /// The same call has the same gradient.
    package var isPullbackExact: Bool
    /// How far numbers that are made again may be from those that are recorded, as a share of the largest
    /// of them; 0 where their bits are equal.
    package var tolerance: Float

    package init(
      numericsClass: String, isExact: Bool, isRowInvariant: Bool, isPullbackExact: Bool,
      tolerance: Float = 0
    ) {
      self.numericsClass = numericsClass
      self.isExact = isExact
      self.isRowInvariant = isRowInvariant
      self.isPullbackExact = isPullbackExact
      self.tolerance = tolerance
    }

    /// The class in words, of a model whose bits depend on more than our kernels; nil for others.
    package var ownClass: String? {
      numericsClass == Kernels.numericsClass ? nil : "class \(numericsClass)"
    }

    /// Whether runs are reproduced to the bit.
    package var isWhole: Bool { isExact && isPullbackExact }
  }

  package init(
    architecture: String, identity: String, parameters: ParameterManifest, latent: [Int],
    guidance: Guidance, guidedEvaluations: Int, exactness: Exactness, picture: PictureSize? = nil
  ) {
    self.architecture = architecture
    self.identity = identity
    self.parameters = parameters
    self.latent = latent
    self.guidance = guidance
    self.guidedEvaluations = guidedEvaluations
    self.exactness = exactness
    self.picture = picture
  }

  /// D: scalars of one latent.
  package var latentCount: Int { latent.reduce(1, *) }

  /// How often the network is evaluated for one row.
  package func evaluations(at guidance: Flow.Guidance) -> Int {
    guidance.scale == 1 ? 1 : guidedEvaluations
  }
}

extension ModelContract {
  /// Writes parameters as named tensors to a file, as ``safeTensors(_:metadata:)`` has them.
  package func write(_ values: Buffer, to path: String) throws {
    try parameters.write(values, metadata: metadata([:]), to: path)
  }

  /// Parameters as named tensors, with the architecture as metadata.
  package func safeTensors(_ values: Buffer, metadata: [String: String] = [:]) -> SafeTensors {
    parameters.safeTensors(values, metadata: self.metadata(metadata))
  }

  private func metadata(_ more: [String: String]) -> [String: String] {
    more.merging(notes) { $1 }.merging(["architecture": architecture]) { $1 }
  }
}
