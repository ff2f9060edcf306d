extension SigmaGrid {
  /// The grid with a shorter tail: MixGRPO-Flash (arXiv:2507.21802, §3.3) replaces all times after the
  /// last noisy step e.
  ///
  ///     n = max(⌊(T − e)·r⌋, 1) points,      u from 1 − (e + 1)/T to 0,      σ = S_s(u)
  ///
  /// The release has no step left at n = 1 and stops at σ_{e + 1} > 0; here two points are the least
  /// unless `stopsEarlyAsReleased`.
  ///
  /// - Parameters:
  ///   - step: e; `ratio`: r in 0...1; `shift`: s of this grid, a linear one.
  /// - Returns: all times, from this grid's first.
  package func compressed(
    after step: Int, ratio: Double, shift: Double, stopsEarlyAsReleased: Bool = false
  ) -> [Float] {
    precondition((0..<steps).contains(step), "no step \(step) of \(steps)")
    let wanted = Int(Double(steps - step) * min(max(ratio, 0), 1))
    let points = max(wanted, stopsEarlyAsReleased ? 1 : 2)
    let start = 1 - Double(step + 1) / Double(steps)
    let tail = (0..<points).map { i in
      Float(
        Self.shifted(points == 1 ? start : start * (1 - Double(i) / Double(points - 1)), by: shift))
    }
    return sigmas[...step] + tail
  }

  /// The times of a coarser view from a branching step on: Granular-GRPO (arXiv:2510.01982, §3.3)
  /// finishes the same noisy step at several granularities and adds up what their ends earn.
  ///
  ///     σ₀ … σ_{k + 1},  σ_{k + 2},  σ_{k + 2 + g},  σ_{k + 2 + 2g}, …
  ///
  /// The list need not end in 0: what is judged is the clean state that its last call points to.
  ///
  /// - Parameters: `step` is k, `stride` is g > 0.
  package func granular(branchingAt step: Int, stride: Int) -> [Float] {
    precondition((0..<steps).contains(step) && stride > 0, "step \(step), stride \(stride)")
    return sigmas[...(step + 1)]
      + Swift.stride(from: step + 2, through: steps, by: stride).map { sigmas[$0] }
  }
}
