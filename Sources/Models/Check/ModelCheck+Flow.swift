import Flow
import Programs
import Tensor

/// Whether the answers are velocities of x = (1 − σ)·x₀ + σ·ε: what σ and the sign of v mean.
///
/// Of a network that nobody has trained only a part of this can be told; a reference tells all of it.
extension ModelCheck {
  /// Enough numbers for a correlation, and few rows where each has many.
  private var noises: ProbeRows {
    let wanted = max(4, min(64, 2048 / rows.latentCount))
    let count = min(wanted, contract.maxRows)
    return ProbeRows(
      count, latentCount: rows.latentCount, prompts: options.prompts,
      seed: options.seed ^ 0x666c_6f77)
  }

  /// How v changes with σ at one x: a network that never hears of σ does not, one that hears of σ·1000
  /// where it scales by itself jumps.
  func sigmaMatters() throws(Fault) -> ModelFinding? {
    let set = try parameters().moved
    let probe = noises
    let base = try velocities(probe.at(sigma: 0.2), under: set)
    let far = Difference(base, try velocities(probe.at(sigma: 0.8), under: set)).relative
    let near = Difference(base, try velocities(probe.at(sigma: 0.202), under: set)).relative
    let jump = far > 0 ? near / far : 0
    let (isDeaf, jumps) = (far < 1e-3, jump > 0.6)
    // 0.002 / 0.6 is the share of a straight line.
    let isStraight = far < 0.05 && jump < 0.004
    let advice =
      isDeaf
      ? "v hardly depends on σ: is σ passed, and scaled as the network expects it (1000·σ)?"
      : jumps
        ? "v jumps with σ: is σ scaled wrongly on its way into the network, by 1000 twice?"
        : isStraight
          ? "v depends on σ little and in a straight line: does the network expect 1000·σ?"
            + (options.reference == nil ? " --reference tells." : "") : ""
    return ModelFinding(
      "σ", isDeaf || jumps ? .failed : isStraight ? .doubtful : .ok,
      "v changes by \(brief(far)) of its size from σ 0.2 to 0.8, and by \(brief(near)) from 0.2 to 0.202",
      allowed: "≥ 0.001, and less from 0.2 to 0.202", advice: advice,
      values: ["far": far, "near": near])
  }

  /// How a program's answers may be meant.
  private struct Reading {
    var isNegated = false
    var isTurned = false

    var advice: String {
      switch (isNegated, isTurned) {
      case (false, false): ""
      case (true, false): "v is negated: ε − x₀ is wanted, this looks like x₀ − ε."
      case (false, true): "σ is turned round: 1 is noise and 0 is data, this looks like 1 − σ."
      case (true, true):
        "Times and velocities are turned round: here σ = 1 is noise and v = ε − x₀, this looks like a"
          + " flow from noise at 0 to data at 1."
      }
    }
  }

  private func field(
    _ rows: ProbeRows, sigma: Float, _ set: ParameterSet, _ reading: Reading
  ) throws(Fault) -> [Float] {
    let v = try velocities(rows.at(sigma: reading.isTurned ? 1 - sigma : sigma), under: set)
    return reading.isNegated ? v.map(-) : v
  }

  /// x₀ of noises, by Euler's steps from σ = 1 to 0; nil where it grows beyond bounds.
  private func solution(
    _ noises: ProbeRows, steps: Int, _ set: ParameterSet, _ reading: Reading = Reading()
  ) throws(Fault) -> [Float]? {
    var rows = noises
    let grid = SigmaGrid.linear(steps: steps)
    for step in 0..<steps {
      let v = try field(rows, sigma: grid.sigmas[step], set, reading)
      let length = grid.length(ofStep: step)
      rows.states = zip(rows.states, v).map { $0 - length * $1 }
      if rows.states.contains(where: { abs($0) > 1e6 }) { return nil }
    }
    return rows.states
  }

  /// The middle one of all rows' relative distances: single ways may part at a ridge between two ends.
  private func middle(_ a: [Float], _ b: [Float]) -> Double {
    let width = rows.latentCount
    let distances = stride(from: 0, to: a.count, by: width).map { start in
      Difference(Array(a[start..<start + width]), Array(b[start..<start + width])).relative
    }.sorted()
    return distances[distances.count / 2]
  }

  /// Solutions of 10, 20, 40 and 80 steps: each halving of the step halves the error.
  func solutionsConverge() throws(Fault) -> ModelFinding? {
    let set = try parameters().natural
    let probe = noises
    var ends: [[Float]] = []
    for steps in [10, 20, 40, 80] {
      guard let end = try solution(probe, steps: steps, set) else {
        return ModelFinding(
          "ODE", .failed, "x grows beyond 1e6 on its way from noise to data", allowed: "it ends",
          advice: "v is far too large, or has the wrong sign: v = ε − x₀ is wanted.")
      }
      ends.append(end)
    }
    let errors = (0..<3).map { middle(ends[$0 + 1], ends[$0]) }
    let values = ["10": errors[0], "20": errors[1], "40": errors[2]]
    let measured =
      "x₀ of 10 and 20 Euler steps differ by \(brief(errors[0])), of 20 and 40 by \(brief(errors[1])), of 40"
      + " and 80 by \(brief(errors[2]))"
    // What is left is rounding.
    let isExact = errors[0] < 1e-5
    let converges = isExact || errors[2] < 0.6 * errors[0]
    return ModelFinding(
      "ODE", converges ? .ok : .failed, measured, allowed: "falling",
      advice: converges
        ? ""
        : "v jumps with σ or x, so no sampler converges: is σ scaled wrongly on its way into the network?",
      values: values)
  }

  /// What v tells of a trained model: at σ = 1 it is ε less a constant, and on the way between a sample of
  /// its own and new noise it finds the direction ε − x₀.
  func conventionHolds() throws(Fault) -> ModelFinding? {
    let set = try parameters().natural
    let probe = noises
    let noise = probe.states
    let v = try velocities(probe.at(sigma: 1), under: set)
    let slope = product(v, noise) / product(noise, noise)
    let size = rootMeanSquare(v)
    let agreement =
      size > 0 ? product(v, noise) / (size * rootMeanSquare(noise) * Double(v.count)) : 0
    let shares = try explained(probe, set, Reading())
    var state = probe.at(sigma: 0.9)
    // A tenth of the way from noise.
    state.states = zip(noise, v).map { $0 - 0.1 * $1 }
    let later = try velocities(state, under: set)
    let drawn = rootMeanSquare(zip(state.states, later).map { $0 + 0.1 * $1 })
    let clean = rootMeanSquare(zip(state.states, later).map { $0 - 0.9 * $1 })
    var values = [
      "slope": slope, "agreement": agreement, "explained": shares.min() ?? 0, "noise": drawn,
      "data": clean,
    ]
    let measured =
      "at σ = 1 v is \(brief(slope))·ε (correlation \(brief(agreement))); at 0.9 the noise that it sees is of"
      + " size \(brief(drawn)), the data \(brief(clean)); of what no"
      + " multiple of x tells of ε − x₀ it explains"
      + " \(shares.map { "\(brief(100 * $0))" }.joined(separator: ", ")) % at σ 0.2, 0.5, 0.8"
    let allowed = "of a trained model: 1·ε, size 1, most of it"
    let least = shares.min() ?? 0
    if least > 0.2, agreement > 0.5, (0.5...2).contains(slope) {
      return ModelFinding("convention", .ok, measured, allowed: allowed, values: values)
    }
    for reading in [
      Reading(isNegated: true), Reading(isTurned: true), Reading(isNegated: true, isTurned: true),
    ] {
      let other = try explained(probe, set, reading).min() ?? 0
      if other > 0.3, other > least + 0.2 {
        values["otherwise"] = other
        return ModelFinding(
          "convention", .failed, measured, allowed: allowed, advice: reading.advice, values: values)
      }
    }
    if agreement > 0.9, !(0.2...5).contains(slope) {
      return ModelFinding(
        "convention", slope < 0 || slope > 5 ? .failed : .doubtful, measured, allowed: allowed,
        advice: slope < 0
          ? "v is negated, or σ turned round: at σ = 1 (noise) v must be ε less a constant."
          : "v is scaled by \(brief(slope)), if this is a trained model.", values: values)
    }
    return ModelFinding(
      "convention", .information, measured, allowed: allowed,
      advice:
        "This network seems not to be trained: what σ and the sign of v mean cannot be told of it."
        + (options.reference == nil ? " Compare it with the model's own code: --reference." : ""),
      values: values)
  }

  /// 1 − |v − u|² / min_c |c·x − u|² with u = ε − x₀ at three times, where x₀ are samples of its own and ε is
  /// new noise: what v knows of the data beyond x itself.
  private func explained(_ noises: ProbeRows, _ set: ParameterSet, _ reading: Reading) throws(Fault)
    -> [Double]
  {
    guard let samples = try solution(noises, steps: 20, set, reading) else { return [-.infinity] }
    let fresh = normals(seed: options.seed ^ 0x6e6f_6973, at: 0, count: samples.count)
    var shares: [Double] = []
    for sigma: Float in [0.2, 0.5, 0.8] {
      var rows = noises
      rows.states = zip(samples, fresh).map { (1 - sigma) * $0 + sigma * $1 }
      let wanted = zip(samples, fresh).map { $1 - $0 }
      let v = try field(rows, sigma: sigma, set, reading)
      let off = zip(wanted, v).map(-)
      let known = product(wanted, rows.states)
      let left = product(wanted, wanted) - known * known / product(rows.states, rows.states)
      shares.append(left > 0 ? 1 - product(off, off) / left : -.infinity)
    }
    return shares
  }
}
