package import CKernels

/// What a random draw is for; part of its address.
package enum Purpose: UInt32, Sendable {
  /// The initial noise of a unit or of an evaluation.
  case initialNoise = 1
  /// The noise of a branch.
  case branchNoise
  /// Which prompts an update asks for.
  case promptChoice
  /// The initial noises of evaluations, samples and picture grids.
  case evaluationNoise
  /// Initial weights of a network.
  case initialisation
  /// Everything that pre-training draws.
  case pretraining
  /// Where an update's window begins.
  case window
  /// What the branches of one point share.
  case splitNoise
  /// Which points of a unit are trained.
  case trainedPoints
  /// The times and the noises of matching losses.
  case matchingTime
  case matchingNoise
  /// The A of a low-rank adapter.
  case adapter
}

/// Where a random draw stands: no generator state exists anywhere.
package struct NoiseAddress: Hashable, Sendable {
  package var unit: UInt64
  package var purpose: Purpose
  /// `0 ..< 4096`.
  package var step: Int
  /// `0 ..< 4096`.
  package var branch: Int

  package init(unit: UInt64, purpose: Purpose, step: Int = 0, branch: Int = 0) {
    precondition((0..<4096).contains(step) && (0..<4096).contains(branch), "12 bits each")
    self.unit = unit
    self.purpose = purpose
    self.step = step
    self.branch = branch
  }

  var place: UInt32 { purpose.rawValue << 24 | UInt32(step) << 12 | UInt32(branch) }
}

/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): random words
/// as a function of (run seed, address).
package struct Philox: Hashable, Sendable {
  /// The run seed.
  package let seed: UInt64

  package init(seed: UInt64) { self.seed = seed }

  /// Standard normals, equal to the last bit in every numerics class.
  package func normals(at address: NoiseAddress, count: Int) -> [Float] {
    Self.normals(at: address, seed: seed, count: count, kernels: Kernels.table)
  }

  /// The same, computed by a given kernel set.
  package static func normals(
    at address: NoiseAddress, seed: UInt64, count: Int, kernels: UnsafePointer<CKernels>
  ) -> [Float] {
    var noise = CKernelsNoise(
      key: (UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)),
      unit: (UInt32(truncatingIfNeeded: address.unit), UInt32(address.unit >> 32)),
      place: address.place)
    return [Float](unsafeUninitializedCapacity: count) { memory, filled in
      kernels.pointee.normals(&noise, memory.baseAddress, count)
      filled = count
    }
  }

  /// The four words of one block of the address's stream.
  package func words(at address: NoiseAddress, block: UInt32) -> SIMD4<UInt32> {
    Self.block(
      counter: [
        UInt32(truncatingIfNeeded: address.unit), UInt32(address.unit >> 32), address.place, block,
      ], key: [UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)])
  }

  /// The bijection itself: four words from a counter `[4]` under a key `[2]`.
  package static func block(counter: [UInt32], key: [UInt32]) -> SIMD4<UInt32> {
    var out: [UInt32] = [0, 0, 0, 0]
    CKernels_philox(counter, key, &out)
    return SIMD4(out[0], out[1], out[2], out[3])
  }

  /// The address's words as a generator, for code that draws a varying number of times.
  package func generator(at address: NoiseAddress) -> Generator {
    Generator(philox: self, address: address)
  }

  package struct Generator: RandomNumberGenerator {
    let philox: Philox
    let address: NoiseAddress
    private var block: UInt32 = 0
    private var spare: UInt64?

    init(philox: Philox, address: NoiseAddress) {
      self.philox = philox
      self.address = address
    }

    package mutating func next() -> UInt64 {
      if let word = spare {
        spare = nil
        return word
      }
      let words = philox.words(at: address, block: block)
      block += 1
      spare = UInt64(words[2]) << 32 | UInt64(words[3])
      return UInt64(words[0]) << 32 | UInt64(words[1])
    }
  }
}
