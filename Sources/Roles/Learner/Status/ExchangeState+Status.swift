import Records

/// What the exchange says of itself: made when somebody asks, of what it has at hand.
extension ExchangeState {
  /// - Parameters:
  ///   - now: seconds since the learner's start.
  ///   - wire: seconds of the exchange's thread.
  package func status(wire: Double, now: Double) -> RunStatus.Exchange {
    var present: [RunStatus.Actor] = []
    for (session, peer) in sessions.peers {
      guard var actor = actors.actor(peer.life, now: now) else { continue }
      let leased = leases.sessions[session]
      actor.heard = leased.map { now - $0.lastHeard }
      actor.leases = leased?.outstanding.count
      present.append(actor)
    }
    return RunStatus.Exchange(
      paramsHash: published.hash(of: leases.committed).map { "\($0)" },
      units: leases.unitStates, leases: figures.leases,
      results: RunStatus.Results(
        counted: figures.counted, equal: figures.compared,
        nondeterministic: figures.nondeterministic,
        refused: figures.refusals.counts.values.reduce(0, +)),
      joined: figures.presence.joined, isPaused: rewards.isPaused,
      seconds: RunStatus.Seconds(sample: figures.sample, judge: figures.judge, wire: wire),
      actors: present.sorted { ($0.name, $0.host, $0.age) < ($1.name, $1.host, $1.age) },
      left: actors.left(now: now))
  }
}

extension LeaseTable {
  /// How far the units of the open updates are.
  var unitStates: RunStatus.Units {
    var states = RunStatus.Units()
    for id in open {
      let unit = units[UnitID(id)]
      switch unit.stage {
      case .arrived: states.arrived += 1
      case .durable, .used: states.durable += 1
      case .open where unit.checks > 0 || !unit.ballot.isEmpty: states.checking += 1
      case .open: if unit.leases.isEmpty { states.free += 1 } else { states.leased += 1 }
      }
    }
    states.evaluationParts = evaluating.count { !units[$0].isDurable }
    return states
  }

  /// - Returns: the field that counts leases of this kind.
  static func counter(of kind: Grant.Kind) -> WritableKeyPath<RunStatus.Leases, Int> {
    switch kind {
    case .normal: \.normal
    case .audit: \.audit
    case .backup: \.backup
    case .attempt: \.attempt
    }
  }
}
