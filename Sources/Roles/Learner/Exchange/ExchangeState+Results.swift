import Learning
import Ledger
import Records
import Rewards
import Tensor
import Wire

/// Results: what is worth looking at, what it is worth, and what follows.
extension ExchangeState {
  /// Looks at a result as far as that is cheap, and has the rest checked.
  mutating func take(_ result: UnitResult, payload: [UInt8], _ session: UInt64, now: Double) {
    guard let peer = sessions[session] else { return }
    func refuse(_ code: Refusal.Code, _ text: String) {
      self.refuse(result.unit, of: session, peer, code, text, now: now)
    }
    let byteCount = Int(result.byteCount)
    let isInPieces = pulls.comesInPieces(byteCount)
    guard payload.count == (isInPieces ? 0 : byteCount) else {
      return refuse(.invalid, "\(result.unit): \(payload.count) bytes, \(byteCount) announced")
    }
    let enough = isInPieces ? recipe.payloadBytes(of: result.unit) : 0
    guard !isInPieces || byteCount <= enough else {
      return refuse(.tooLarge, "\(result.unit): \(byteCount) bytes, \(enough) are enough")
    }
    guard leases.isHolder(of: result.unit, session) else {
      return refuse(.notLeased, "\(result.unit) was not leased to it")
    }
    if pulls.isAnnounced(result.unit, by: session) { return }
    let question: AdmissionThreads.Question
    do throws(Objection) {
      question = try self.question(about: result, of: peer)
    } catch {
      return refuse(error.code, error.text)
    }
    let candidate = AdmissionThreads.Candidate(
      result: result, session: session, peer: peer, payload: payload, question: question)
    guard isInPieces else { return check(candidate) }
    // Whoever knows the digest of a known unit has its bytes.
    if case .digest = question { return receive(candidate, nil, now: now) }
    let announced = ResultPulls.Announced(result: result, session: session, peer: peer)
    guard pulls.announce(announced) else {
      return refuse(.busy, "\(result.unit): it has announced too many results")
    }
    askForPieces(now: now)
  }

  /// Why a result is worth no look.
  private struct Objection: Error {
    let code: Refusal.Code
    let text: String
  }

  /// What is to be found out about a result.
  private func question(about result: UnitResult, of peer: SessionTable.Peer) throws(Objection)
    -> AdmissionThreads.Question
  {
    if leases.isKnown(result.unit) { return .digest }
    guard leases.isOpen(result.unit) else {
      throw Objection(code: .notLeased, text: "\(result.unit) is not open")
    }
    let versions = leases.versions(of: result.unit)
    guard versions.contains(result.version),
      result.paramsHash == published.hash(of: result.version),
      let weights = published[result.version]?.parameters
    else {
      throw Objection(
        code: .invalid,
        text: "\(result.unit): made with other parameters than \(versions.sentence)")
    }
    if let part = EvaluationUnit(result.unit) { return .part(part, weights) }
    return .worth(weights, suspects.contains(peer.party) ? .whole : .usual)
  }

  /// A piece of a result that was announced.
  mutating func take(_ piece: Chunk, payload: [UInt8], _ session: UInt64, now: Double) {
    switch pulls.receive(piece, payload: payload, of: session, now: now) {
    case nil: count("piece that nobody asked for")
    case .wait: break
    case .whole(let announced, let payload): take(announced, payload: payload, now: now)
    case .broken(let announced, let clause):
      refuse(announced.result.unit, of: session, announced.peer, .invalid, clause, now: now)
    }
    askForPieces(now: now)
  }

  /// All pieces of a result are here. Until now its unit was leased like any other, and it may have come from
  /// somebody else.
  private mutating func take(_ announced: ResultPulls.Announced, payload: [UInt8], now: Double) {
    let (result, session, peer) = (announced.result, announced.session, announced.peer)
    do throws(Objection) {
      check(
        AdmissionThreads.Candidate(
          result: result, session: session, peer: peer, payload: payload,
          question: try question(about: result, of: peer)))
    } catch {
      pulls.checked(bytes: payload.count, of: peer)
      refuse(result.unit, of: session, peer, error.code, error.text, now: now)
    }
  }

  /// Asks for what there is room for, and gives up what does not come.
  mutating func passPulls(now: Double) {
    for announced in pulls.late(now: now) {
      let (unit, peer) = (announced.result.unit, announced.peer)
      leases.released(unit, by: announced.session, now: now)
      leases.failed(peer.life, now: now)
      refuse(
        unit, of: announced.session, peer, .busy,
        "\(unit): no piece of it came for \(Int(ResultPulls.patience)) s", now: now)
    }
    askForPieces(now: now)
  }

  private mutating func askForPieces(now: Double) {
    for (session, request) in pulls.requests(now: now) { send(.chunkRequest(request), to: session) }
  }

  private mutating func check(_ candidate: AdmissionThreads.Candidate) {
    if candidate.isFirst { leases.beginsCheck(of: candidate.result.unit) }
    // What came in pieces has had its room since it began to come.
    if !pulls.comesInPieces(candidate.payload.count) {
      results.beginsCheck(bytes: candidate.payload.count)
    }
    act(.check(candidate))
  }

  /// Acts on what a result is worth; its session may be over by now, and its unit may have come from
  /// somebody else.
  mutating func settle(
    _ candidate: AdmissionThreads.Candidate, _ verdict: AdmissionThreads.Verdict, now: Double
  ) {
    let (result, session, peer) = (candidate.result, candidate.session, candidate.peer)
    func refuse(_ code: Refusal.Code, _ text: String) {
      self.refuse(result.unit, of: session, peer, code, text, now: now)
    }
    if pulls.comesInPieces(candidate.payload.count) {
      pulls.checked(bytes: candidate.payload.count, of: peer)
    } else {
      results.endsCheck(bytes: candidate.payload.count)
    }
    if case .doubt(let unit, _) = candidate.question {
      if case .deviates(let finding) = verdict { act(.doubted(unit, finding)) }
      return
    }
    if candidate.isFirst { leases.endsCheck(of: result.unit, isValid: verdict.isValid) }
    switch verdict {
    case .invalid(let text): refuse(.invalid, text)
    case .unknown(let failure):
      // Its sender has done nothing wrong; whoever starts this learner again gets it once more.
      act(.failed(RunFailure(.restart, "\(result.unit) cannot be checked: \(failure)")))
    case .deviates(let clause):
      let finding = "\(result.unit): \(clause)"
      refuse(.invalid, finding)
      deviates(peer, because: finding, now: now)
    case .digestHolds where !leases.isKnown(result.unit):
      refuse(.notLeased, "\(result.unit) is not open")
    case .digestHolds: receive(candidate, nil, now: now)
    case .admitted(let unit): receive(candidate, unit, now: now)
    case .evaluated(let part): receive(part, of: candidate, now: now)
    }
  }

  /// A valid result, and its unit where that was not here when it came.
  private mutating func receive(
    _ candidate: AdmissionThreads.Candidate, _ unit: AdmittedUnit?, now: Double
  ) {
    let (result, session, peer) = (candidate.result, candidate.session, candidate.peer)
    let decision = leases.received(result.unit, digest: result.digest, from: session, now: now)
    switch decision {
    case .chosen(let deviants):
      guard let unit else { preconditionFailure("a known unit was not known") }
      misconduct.valid(from: peer.party)
      delivered(session)
      counts(unit, candidate, now: now)
      choose(result.unit, result.digest, deviants: deviants, now: now)
      // Perhaps another one of its party deviated while this one was looked at.
      if case .worth(_, let extent) = candidate.question, extent != .whole,
        suspects.contains(peer.party)
      {
        doubt(ResultsInHand.Origin(unit: unit, peer: peer))
      }
    case .awaitsAudit:
      if let unit { counts(unit, candidate, now: now) }
    case .duplicate, .conflict, .notOpen: comesLate(candidate, decision, now: now)
    }
  }

  /// A part of an evaluation that is right.
  private mutating func receive(
    _ part: EvaluatedPart, of candidate: AdmissionThreads.Candidate, now: Double
  ) {
    let (result, session, peer) = (candidate.result, candidate.session, candidate.peer)
    let decision = leases.received(result.unit, digest: result.digest, from: session, now: now)
    guard case .chosen = decision else { return comesLate(candidate, decision, now: now) }
    misconduct.valid(from: peer.party)
    delivered(session)
    trace(.received, peer.name, unit: result.unit, attempt: result.attempt)
    figures.counted += 1
    rewardAnswered(session, now: now)
    results.alsoSent(result.unit, by: session)
    act(.evaluated(part))
  }

  /// A valid result of what is here already, or is not wanted any more.
  private mutating func comesLate(
    _ candidate: AdmissionThreads.Candidate, _ decision: LeaseTable.Decision, now: Double
  ) {
    let (result, session, peer) = (candidate.result, candidate.session, candidate.peer)
    switch decision {
    case .chosen, .awaitsAudit: break
    case .duplicate(let isDurable):
      figures.compared += 1
      addTime(of: result, now: now)
      if isDurable {
        send(
          .acknowledge([Acknowledgement(unit: result.unit, digest: result.digest)]), to: session)
      } else {
        results.alsoSent(result.unit, by: session)
      }
    case .conflict:
      addTime(of: result, now: now)
      // A reward that is not deterministic scores a unit otherwise the second time.
      if recipe.isDeterministic {
        disagrees(peer, about: result.unit, now: now)
      }
      outvoted(result.unit, of: session)
    case .notOpen:
      refuse(
        result.unit, of: session, peer, .notLeased, "\(result.unit) is not open", now: now)
    }
  }

  /// A result that counts, or waits for others.
  private mutating func counts(
    _ unit: AdmittedUnit, _ candidate: AdmissionThreads.Candidate, now: Double
  ) {
    let (result, session, peer) = (candidate.result, candidate.session, candidate.peer)
    trace(.received, peer.name, unit: result.unit, attempt: result.attempt)
    actors.delivered(
      peer.life, version: result.version.rawValue, committed: leases.committed.rawValue, now: now)
    rewardAnswered(session, now: now)
    addTime(of: result, now: now)
    if !results.add(ResultsInHand.Origin(unit: unit, peer: peer), of: session) {
      outvoted(result.unit, of: session)
    }
  }

  /// A unit is what it will be: to the journal, and to those that sent something else a word.
  mutating func choose(
    _ unit: UnitID, _ digest: Digest, deviants: [LeaseTable.Party], now: Double
  ) {
    guard let outcome = results.choose(unit, digest) else { return }
    figures.compared += outcome.agreeing.count - 1
    for other in outcome.others {
      for session in other.sessions { outvoted(unit, of: session) }
      let peer = other.origin.peer
      guard deviants.contains(peer.party) else { continue }
      disagrees(peer, about: unit, now: now)
      suspects.insert(peer.party)
      leases.failed(peer.life, now: now)
    }
    figures.counted += 1
    act(.chosen(outcome.chosen.unit))
  }

  /// The peer's result of a unit is another than the one that counts.
  private mutating func disagrees(_ peer: SessionTable.Peer, about unit: UnitID, now: Double) {
    figures.nondeterministic += 1
    actors.failed(peer.life, "other bytes for \(unit) than the result that counts", now: now)
    raise("disagreement", .disagreement(actor: peer.name, unit: unit), now: now)
  }

  private mutating func outvoted(_ unit: UnitID, of session: UInt64) {
    count("result: \(Refusal.Code.digestMismatch)")
    send(
      .refuse(
        Refusal(
          unit: unit, code: .digestMismatch,
          text: "\(unit): another result with other bytes counts")), to: session)
  }

  /// A unit of the peer is not what its parameters make: nothing of it is believed unseen any more.
  private mutating func deviates(
    _ peer: SessionTable.Peer, because finding: String, now: Double
  ) {
    figures.nondeterministic += 1
    actors.failed(peer.life, finding, now: now)
    raise("deviation", .deviation(actor: peer.name, finding: finding), now: now)
    leases.failed(peer.life, now: now)
    guard suspects.insert(peer.party) else { return }
    for origin in results.units(of: peer.party) { doubt(origin) }
  }

  private mutating func doubt(_ origin: ResultsInHand.Origin) {
    let unit = origin.unit
    let version = unit.rebuilt.trajectory.version
    guard let weights = published[version]?.parameters else { return }
    check(
      AdmissionThreads.Candidate(
        result: UnitResult(
          unit: unit.unit, attempt: 0, version: version, paramsHash: unit.digest,
          digest: unit.digest, byteCount: 0, sampleMicroseconds: 0,
          judgeMicroseconds: 0), session: 0, peer: origin.peer, payload: [],
        question: .doubt(unit, weights)))
  }

  /// A chosen unit was taken back before an update used it.
  mutating func voided(_ unit: UnitID, because finding: String, now: Double) {
    leases.voided(unit)
    guard let peer = results.voided(unit) else {
      return raise("deviation", .deviation(actor: nil, finding: "\(unit): \(finding)"), now: now)
    }
    deviates(peer, because: "\(unit): \(finding)", now: now)
  }

  /// Adds what the result says that it cost, as far as that is possible; looking at the policy is no cost of
  /// training it.
  private mutating func addTime(of result: UnitResult, now: Double) {
    if EvaluationUnit(result.unit) != nil { return }
    let most = costs.allowance(
      of: result.unit, isOpen: leases.open.contains(result.unit.rawValue), now: now)
    let sample = min(Double(result.sampleMicroseconds) * 1e-6, most)
    let judge = min(Double(result.judgeMicroseconds) * 1e-6, most - sample)
    figures.sample += sample
    figures.judge += judge
  }

  private mutating func refuse(
    _ unit: UnitID, of session: UInt64, _ peer: SessionTable.Peer, _ code: Refusal.Code,
    _ text: String, now: Double
  ) {
    count("result: \(code)")
    actors.failed(peer.life, text, now: now)
    if sessions[session] != nil {
      say("result \(code)", "! a result of actor \(peer.name) refused: \(text)", now: now)
      send(.refuse(Refusal(unit: unit, code: code, text: String(text.prefix(500)))), to: session)
    }
    if code == .invalid { invalid(unit, of: session, peer, because: text, now: now) }
  }

  private mutating func invalid(
    _ unit: UnitID, of session: UInt64, _ peer: SessionTable.Peer, because text: String,
    now: Double
  ) {
    let present = leases.parties
    let consequence = misconduct.invalid(
      from: peer.party, hadLease: leases.released(unit, by: session, now: now),
      leasePatience: leases.patience, present: present, now: now)
    if let row = consequence.rowThatEndsRun {
      act(
        .failed(
          RunFailure(
            .internal,
            "\(row.count) results in a row were invalid and none valid in \(Int(row.seconds)) s, last"
              + " because \(text); no group is ever trained in part, so the run stops here")))
    }
    guard consequence.endsSession else { return }
    // The process may have said hello again since.
    let reason = "\(Misconduct.patience) of its results were invalid"
    for session in sessions.sessions(ofParty: peer.party) {
      count("session: too many invalid results")
      send(.goodbye(reason: reason), to: session)
      end(session, because: reason, now: now)
    }
  }

  /// The unit is free and will be leased again, whole; here it is only said and counted.
  mutating func rewardFailed(_ release: Release, _ session: UInt64, now: Double) {
    let wasPaused = rewards.isPaused
    if let life = sessions[session]?.life { actors.failed(life, release.reason, now: now) }
    let pauses = rewards.failed(session, atWork: leases.atWork(now: now), now: now)
    if rewards.hasNeverAnswered(any: sessions.peers.keys), isOwnOrSeveral,
      let program = program(of: release)
    {
      return act(
        .failed(
          RunFailure(
            .usage,
            "reward \(program.name) has not answered once: \(release.reason); the actors' logs in the run"
              + " folder have what it said, and tributary reward test tries it alone")))
    }
    if pauses {
      act(.trouble(.paused(because: release.reason)))
    } else if !wasPaused, rewardNotice.isDue(now: now) {
      act(
        .notice(
          "! \(release.unit) of actor \(sessions[session]?.name ?? "?") goes back to be leased again:"
            + " \(release.reason)"))
    }
  }

  /// Whether one of the actors is the run's own, or several parties are here: one from elsewhere may lack
  /// what the reward needs, and says nothing of the others.
  private var isOwnOrSeveral: Bool {
    let peers = sessions.peers.values
    return peers.contains(where: \.isOwn) || Set(peers.map(\.party)).count > 1
  }

  /// The program whose failure gave a unit back; nil for a server, which may come up yet.
  private func program(of release: Release) -> RewardSource? {
    recipe.rewards.first { $0.isProgram && release.reason.hasPrefix("reward \($0.name): ") }
  }

  private mutating func rewardAnswered(_ session: UInt64, now: Double) {
    guard let seconds = rewards.answered(session, now: now) else { return }
    act(.trouble(.resumed))
    act(.notice("rewards answer again after \(Int(seconds.rounded())) s; going on"))
  }
}
