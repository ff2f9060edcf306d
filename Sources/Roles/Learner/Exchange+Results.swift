import Records
import Synchronization
import Wire

/// Results: what is worth looking at, what it is worth, and what follows.
extension Exchange {
  /// Looks at a result as far as that is cheap, and has the rest checked.
  func take(_ result: UnitResult, payload: [UInt8], _ session: UInt64) {
    guard let peer = sessions[session] else { return }
    func refuse(_ code: Refusal.Code, _ text: String) {
      self.refuse(result.unit, of: session, peer, code, text)
    }
    guard payload.count == Int(result.byteCount) else {
      return refuse(
        .invalid, "\(result.unit): \(payload.count) bytes, \(result.byteCount) announced")
    }
    let isKnown = leases.isKnown(result.unit)
    if !isKnown {
      guard leases.open.contains(result.unit.rawValue) else {
        return refuse(.notLeased, "\(result.unit) is not open")
      }
      let versions = leases.versions(of: result.unit)
      guard versions.contains(result.version),
        result.paramsHash == published.hash(of: result.version)
      else {
        return refuse(
          .invalid, "\(result.unit): made with other parameters than \(versions.sentence)")
      }
      leases.beginsCheck(of: result.unit)
    }
    candidates += 1
    admission.submit(
      AdmissionThreads.Candidate(
        result: result, session: session, peer: peer, payload: payload, isKnown: isKnown))
  }

  /// Acts on what a result is worth; its session may be over by now, and its unit may have come from
  /// somebody else.
  func settle(_ candidate: AdmissionThreads.Candidate, _ verdict: AdmissionThreads.Verdict) {
    let (result, session, peer) = (candidate.result, candidate.session, candidate.peer)
    candidates -= 1
    if !candidate.isKnown {
      leases.endsCheck(of: result.unit, isValid: verdict.isValid)
    }
    switch verdict {
    case .invalid(let text): return refuse(result.unit, of: session, peer, .invalid, text)
    case .digestHolds where !leases.isKnown(result.unit):
      return refuse(
        result.unit, of: session, peer, .notLeased, "\(result.unit) is not open")
    default: break
    }
    switch leases.received(result.unit, digest: result.digest, from: session, now: now) {
    case .admitted:
      guard case .admitted(let unit) = verdict else {
        preconditionFailure("a known unit was not known")
      }
      misconduct.valid()
      rewardAnswered(session)
      trace(.received, peer.name, unit: result.unit, attempt: result.attempt)
      senders[result.unit] = [session]
      addTime(of: result)
      callbacks.admitted(unit)
    case .duplicate(let isDurable):
      audits.withLock { $0 += 1 }
      addTime(of: result)
      if isDurable {
        send(
          .acknowledge([Acknowledgement(unit: result.unit, digest: result.digest)]), to: session)
      } else {
        senders[result.unit, default: []].append(session)
      }
    case .conflict:
      addTime(of: result)
      count("result: \(Refusal.Code.digestMismatch)")
      // A reward that is not deterministic scores a unit otherwise the second time.
      if recipe.isDeterministic {
        callbacks.trouble(.disagreement(actor: peer.name, unit: result.unit))
      }
      send(
        .refuse(
          Refusal(
            unit: result.unit, code: .digestMismatch,
            text: "\(result.unit): another result with other bytes came first")), to: session)
    case .notOpen:
      refuse(result.unit, of: session, peer, .notLeased, "\(result.unit) is not open")
    }
  }

  private func addTime(of result: UnitResult) {
    split.withLock {
      $0.sample += Double(result.sampleMicroseconds) * 1e-6
      $0.judge += Double(result.judgeMicroseconds) * 1e-6
    }
  }

  private func refuse(
    _ unit: UnitID, of session: UInt64, _ peer: SessionTable.Peer, _ code: Refusal.Code,
    _ text: String
  ) {
    count("result: \(code)")
    if sessions[session] != nil {
      say("result \(code)", "! a result of actor \(peer.name) refused: \(text)")
      send(.refuse(Refusal(unit: unit, code: code, text: String(text.prefix(500)))), to: session)
    }
    if code == .invalid { invalid(unit, of: session, peer, because: text) }
  }

  private func invalid(
    _ unit: UnitID, of session: UInt64, _ peer: SessionTable.Peer, because text: String
  ) {
    let consequence = misconduct.invalid(
      from: peer.life, hadLease: leases.released(unit, by: session),
      leasePatience: leases.patience, now: now)
    if let row = consequence.endsRun {
      callbacks.failed(
        RunFailure(
          .internal,
          "\(row.count) results in a row were invalid and none valid in \(Int(row.seconds)) s, last"
            + " because \(text); no group is ever trained in part, so the run stops here"))
    }
    guard consequence.endsSession else { return }
    // The process may have said hello again since.
    let reason = "\(Misconduct.patience) of its results were invalid"
    for session in sessions.sessions(ofLife: peer.life) {
      count("session: too many invalid results")
      send(.goodbye(reason: reason), to: session)
      end(session, because: reason)
    }
  }

  /// The unit is free and will be leased again, whole; here it is only said and counted.
  func rewardFailed(_ release: Release, _ session: UInt64) {
    let wasPaused = rewards.isPaused
    let pauses = rewards.failed(session, now: now)
    if pauses {
      callbacks.trouble(.paused(because: release.reason))
    } else if !wasPaused, now - lastRewardNotice > 5 {
      lastRewardNotice = now
      callbacks.notice(
        "! \(release.unit) of actor \(sessions[session]?.name ?? "?") goes back to be leased again:"
          + " \(release.reason)")
    }
  }

  private func rewardAnswered(_ session: UInt64) {
    guard let seconds = rewards.answered(session, now: now) else { return }
    callbacks.trouble(.resumed)
    callbacks.notice("rewards answer again after \(Int(seconds.rounded())) s; going on")
  }
}
