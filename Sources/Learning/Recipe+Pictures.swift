package import Flow
package import Records
package import Rewards
package import Tasks
import Tensor

/// What a run's results look like: the model decodes them where it can, else the task.
extension Recipe {
  /// Whether the model decodes pictures, of a size of its own.
  package var modelDecodes: Bool { model.contract.picture != nil }

  /// The pictures of final latents.
  ///
  /// - Parameter side: of pictures that the task draws.
  package func pictures(
    of latents: [[Float]], side: Int, by session: any ModelSession
  ) throws(ModelFailure) -> [Picture] {
    guard let size = model.contract.picture, !latents.isEmpty else {
      return latents.map { task.picture(of: $0, side: side) }
    }
    return try session.pixels(of: Slab(latents)).map {
      Picture(width: size.width, height: size.height, pixels: $0)
    }
  }

  /// Results as rewards are shown them.
  package func exhibits(
    of results: [(prompt: Prompt, latent: [Float])], by session: any ModelSession
  ) throws(ModelFailure) -> [Exhibit] {
    // Pictures that the task draws are drawn where a reward wants them.
    let pictures: [Picture?] =
      try modelDecodes && rewards.contains { $0.input != .latent && !$0.isBuiltIn }
      ? self.pictures(of: results.map(\.latent), side: 0, by: session) : results.map { _ in nil }
    return zip(results, pictures).map { result, picture in
      Exhibit(prompt: result.prompt, result: .latent(result.latent), picture: picture)
    }
  }
}
