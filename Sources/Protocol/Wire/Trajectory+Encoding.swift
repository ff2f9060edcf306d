import Bytes
import CWire
package import Records

extension Trajectory {
  /// The payload of a result. Equal bits give equal bytes: these are what is hashed, sent, kept and
  /// replayed.
  ///
  /// - Precondition: the counts and `prompt` fit 32 bits; all branches of a point have equally many
  ///   rewards, and latents as long as its state or checksums of these.
  package func encoded() -> [UInt8] {
    requireLittleEndian()
    let arena = Arena()
    let message = arena.make(tributary__v1__trajectory__init) { message in
      message.unit = unit.rawValue
      message.version = version.rawValue
      message.prompt = UInt32(prompt)
      message.noise_checksum = noiseChecksum
      message.n_points = points.count
      message.points = arena.array(points.map { Optional($0.packed(in: arena)) })
      message.rewards = arena.floats([outcomes.rewards])
      message.latents = arena.floats([outcomes.latents])
      message.n_latent_checksums = outcomes.checksums.count
      message.latent_checksums = arena.array(outcomes.checksums)
    }
    return withExtendedLifetime(arena) {
      packed(message, tributary__v1__trajectory__get_packed_size, tributary__v1__trajectory__pack)
    }
  }
}

extension BranchingPoint {
  fileprivate func packed(in arena: Arena) -> UnsafeMutablePointer<Tributary__V1__BranchingPoint> {
    let rewardCount = outcomes.isEmpty ? 0 : outcomes.rewards.count / outcomes.count
    precondition(
      velocity.count == state.count && outcomes.count.isMultiple(of: branches.count)
        && (outcomes.latents.count == outcomes.count * state.count
          || outcomes.checksums.count == outcomes.count),
      "step \(step) has tensors of different lengths")
    return arena.make(tributary__v1__branching_point__init) { point in
      point.step = UInt32(step)
      point.state_count = UInt32(state.count)
      point.branch_count = UInt32(branches.count)
      point.reward_count = UInt32(rewardCount)
      point.state = arena.floats([state])
      point.velocity = arena.floats([velocity])
      point.log_densities = arena.floats([branches.map(\.logDensity)])
      point.n_next_state_checksums = branches.count
      point.next_state_checksums = arena.array(branches.map(\.nextStateChecksum))
      point.rewards = arena.floats([outcomes.rewards])
      point.latents = arena.floats([outcomes.latents])
      point.n_latent_checksums = outcomes.checksums.count
      point.latent_checksums = arena.array(outcomes.checksums)
    }
  }
}
