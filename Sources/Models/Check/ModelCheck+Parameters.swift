import Flow
import Network
import Programs
import Records
import Tensor

/// Whether θ is what the answers depend on, and all of it.
extension ModelCheck {
  func contractHolds() throws(Fault) -> ModelFinding? {
    let contract = contract
    // Another process must say the same; it is refused otherwise.
    _ = try learner.initialParameters(
      seed: options.seed, count: contract.manifest.count, waiting: {})
    return ModelFinding(
      "contract", .ok,
      "\(contract.model.name) \(contract.model.version): \(contract.manifest.count) trainable scalars in"
        + " \(contract.parameters.count) tensors, latents \(contract.latent); another process says the same",
      allowed: "the same")
  }

  func initialParametersAreEqual() throws(Fault) -> ModelFinding? {
    let parameters = try parameters()
    let other = ParameterSet(
      Buffer(
        try learner.initialParameters(
          seed: options.seed, count: contract.manifest.count, waiting: {})))
    let isEqual = parameters.initial.digest == other.digest
    // A process that was asked to move θ must be able to come back.
    let probe = rows.first(8)
    let before = try velocities(probe, under: parameters.initial)
    _ = try velocities(probe, under: parameters.moved)
    let after = Difference(
      before, try velocities(probe, under: ParameterSet(parameters.initial.buffer.copy())))
    let isBack = after.relative < 1e-3 && (after.isNone || !contract.exact)
    return ModelFinding(
      "initial θ", isEqual && isBack ? .ok : .failed,
      (isEqual ? "two processes make the same" : "two processes make different ones of one seed")
        + (isBack
          ? ", digests are echoed, and v under it is the same when it is told again"
          : "; v under it differs by \(after.text) when it is told again after another θ"),
      allowed: "the same",
      advice: isBack ? "" : "Does something of the other θ stay in the network?",
      values: ["again": after.largest])
  }

  /// v under θ of which one tensor alone is changed.
  func parametersMatter() throws(Fault) -> ModelFinding? {
    let parameters = try parameters()
    let probe = rows.first(8)
    let base = try velocities(probe, under: parameters.moved)
    let whole = Difference(base, try velocities(probe, under: parameters.initial))
    let advice =
      "v does not depend on what it is told: is the adapter applied to the network that computes, and are"
      + " its weights the ones that parameters sets?"
    guard !whole.isNone else {
      return ModelFinding(
        "θ matters", .failed, "v under two different θ is equal to the bit", allowed: "another v",
        advice: advice, values: ["relative": 0])
    }
    let entries = contract.manifest.entries
    let most = max(8, min(48, 200_000_000 / contract.manifest.count))
    let chosen = (0..<min(most, entries.count)).map {
      $0 * entries.count / min(most, entries.count)
    }
    let direction = direction(2, scale: parameters.scale)
    var silent: [String] = []
    for place in chosen {
      let start = entries[..<place].reduce(0) { $0 + $1.count }
      var theta = parameters.moved.buffer.scalars
      for i in start..<start + entries[place].count { theta[i] += direction[i] }
      let v = try velocities(probe, under: ParameterSet(Buffer(theta)))
      if Difference(base, v).isNone { silent.append(entries[place].name) }
    }
    let tried =
      chosen.count == entries.count
      ? "each of \(entries.count)" : "\(chosen.count) of \(entries.count)"
    return ModelFinding(
      "θ matters", silent.isEmpty ? .ok : .failed,
      silent.isEmpty
        ? "\(tried) tensors, changed alone, changes v"
        : "\(silent.count) of \(chosen.count) tensors, changed alone, do not change v, such as"
          + " \(silent[0])",
      allowed: "all change it",
      advice: silent.isEmpty ? "" : advice + " A tensor without influence is better left out of θ.",
      values: [
        "relative": whole.relative, "tried": Double(chosen.count), "silent": Double(silent.count),
      ])
  }

  /// Of low-rank adapters: with B = 0 nothing of A is seen.
  func adapterIsOff() throws(Fault) -> ModelFinding? {
    let parameters = try parameters()
    var theta = parameters.initial.buffer.scalars
    let direction = direction(3, scale: parameters.scale)
    var (hasB, isZero, start) = (false, true, 0)
    for entry in contract.manifest.entries {
      let range = start..<start + entry.count
      start += entry.count
      if entry.name.lowercased().contains("lora_b") {
        hasB = true
        isZero = isZero && theta[range].allSatisfy { $0 == 0 }
      } else if entry.name.lowercased().contains("lora_a") {
        for i in range { theta[i] += direction[i] }
      }
    }
    guard hasB else { return nil }
    guard isZero else {
      return ModelFinding(
        "adapter off", .doubtful,
        "B is not zero in the initial θ, so a run does not begin with the base",
        allowed: "0")
    }
    let probe = rows.first(8)
    let off = Difference(
      try velocities(probe, under: parameters.initial),
      try velocities(probe, under: ParameterSet(Buffer(theta))))
    return ModelFinding(
      "adapter off", off.isNone ? .ok : .failed,
      "with B = 0, v under another A differs by up to \(off.text)", allowed: "0",
      advice: off.isNone ? "" : "With B = 0 the adapter must add nothing to the base.",
      values: ["largest": off.largest])
  }

  func promptsMatter() throws(Fault) -> ModelFinding? {
    let set = try parameters().moved
    guard options.prompts.count > 1 else { return nil }
    let probe = rows.first(4)
    var other = probe
    let prompts = options.prompts
    other.prompts = probe.prompts.map { prompt in
      prompts[((prompts.firstIndex(of: prompt) ?? 0) + 1) % prompts.count]
    }
    let change = Difference(
      try velocities(probe, under: set), try velocities(other, under: set))
    return ModelFinding(
      "prompts", change.isNone ? .doubtful : .ok,
      change.isNone
        ? "v is the same whatever the prompt is"
        : "v under another prompt differs by \(brief(change.relative)) of its size",
      allowed: "another v", advice: change.isNone ? "Is the prompt's embedding used?" : "",
      values: ["relative": change.relative])
  }

  /// w·v(prompt) + (1 − w)·v(no prompt), where the contract says so.
  func guidanceIsAsSaid() throws(Fault) -> ModelFinding? {
    guard contract.guidance != "none" else { return nil }
    let set = try parameters().moved
    let probe = rows.first(4)
    let own = try velocities(probe, under: set)
    let guided = try velocities(probe, under: set, guidance: 3)
    if contract.guidance == "own" {
      let change = Difference(own, guided)
      return ModelFinding(
        "guidance", change.isNone ? .doubtful : .ok,
        "v under w = 3 differs from w = 1 by \(brief(change.relative)) of its size",
        allowed: "another v", advice: change.isNone ? "Is the guidance used?" : "",
        values: ["relative": change.relative])
    }
    var without = probe
    without.prompts = probe.prompts.map { _ in .none }
    let none = try velocities(without, under: set)
    let off = Difference(zip(own, none).map { 3 * $0 - 2 * $1 }, guided)
    return ModelFinding(
      "guidance", off.relative <= 1e-3 ? .ok : .failed,
      "v under w = 3 differs from 3·v(prompt) − 2·v(no prompt) by \(brief(off.relative)) of its size",
      allowed: "0.001",
      advice: off.relative <= 1e-3
        ? "" : "The contract says linear; say own if another rule is meant.",
      values: ["relative": off.relative])
  }
}
