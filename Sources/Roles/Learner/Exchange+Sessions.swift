import Records
import Transport
import Wire

/// Who works for the run: greetings, and the ends of sessions.
extension Exchange {
  func greet(_ hello: Hello, _ route: [UInt8], _ key: PublicKey?) throws {
    // Perhaps a newer learner exists: the run folder knows, whatever a peer says.
    if hello.highestEpoch > epoch { try callbacks.checkOwner() }
    if let reject = reason(toReject: hello, key) {
      count("hello: \(reject.code)")
      say("refused actor", "! actor \(hello.actor) refused: \(reject.text)")
      return reply(.reject(reject), to: route, session: 0)
    }
    // The same process on a new connection replaces its old session.
    for session in sessions.sessions(ofLife: hello.life) { forget(session) }
    let session = sessions.open(
      SessionTable.Peer(routingID: route, name: hello.actor, life: hello.life, key: key))
    leases.joined(session, now: now)
    let discard = hello.held.filter { leases.isDurable($0.unit, digest: $0.digest) }.map(\.unit)
    send(
      .welcome(
        Welcome(
          runID: terms.runID, configuration: terms.configuration,
          configurationHash: terms.configurationHash, modelHash: terms.modelHash,
          committed: leases.committed, heartbeatMilliseconds: Self.heartbeatMilliseconds,
          livenessMilliseconds: Self.livenessMilliseconds, discard: discard)), to: session)
    vanished[hello.actor] = nil
    trace(.joined, hello.actor)
    say("joined", "+ actor \(hello.actor) joined (\(leases.committed))")
  }

  private func reason(toReject hello: Hello, _ key: PublicKey?) -> Reject? {
    if let gatekeeper, !gatekeeper.admits(key) {
      return Reject(
        code: .notAuthorised,
        text: "its key is no longer in the list; ask for a new one: tributary keys add NAME")
    }
    if !hello.runID.isEmpty && hello.runID != terms.runID {
      return Reject(
        code: .run, text: "this learner runs \(terms.runID), the actor was part of \(hello.runID)")
    }
    if let hash = hello.configurationHash, hash != terms.configurationHash {
      return Reject(code: .configuration, text: "the actor has another configuration of this run")
    }
    if let hash = hello.modelHash, hash != terms.modelHash {
      return Reject(code: .model, text: "the actor has another model; build both from one commit")
    }
    if hello.numericsClass != terms.numericsClass {
      return Reject(
        code: .numericsClass,
        text: "the actor computes in class \(hello.numericsClass), the run in"
          + " \(terms.numericsClass): their bits differ; use machines of one class")
    }
    if hello.highestEpoch > epoch {
      return Reject(
        code: .run,
        text:
          "the actor has served epoch \(hello.highestEpoch) of this run, whose folder stands at epoch"
          + " \(epoch): it was part of a copy")
    }
    if misconduct.isExcluded(hello.life, now: now) {
      return Reject(
        code: .notAuthorised,
        text:
          "\(Misconduct.patience) of its results were invalid; it computes other numbers or is not"
          + " an actor of this program")
    }
    if sessions.peers.count >= Self.maximumSessions {
      return Reject(
        code: .tooManySessions, text: "\(sessions.peers.count) sessions are open; try later")
    }
    return nil
  }

  func end(_ session: UInt64, because reason: String, isLost: Bool = false) {
    guard let peer = sessions[session] else { return }
    forget(session)
    if isLost, draining == nil, vanished.count < Self.maximumSessions {
      vanished[peer.name] = now
    }
    say("left", "- actor \(peer.name) left: \(reason)")
  }

  /// Who vanished is lost if nobody of that name comes within a session's patience.
  func reportLost() {
    let patience = Double(Self.livenessMilliseconds) / 1000
    for (name, since) in vanished where now - since > patience {
      vanished[name] = nil
      callbacks.trouble(.lost(actor: name))
    }
  }

  private func forget(_ session: UInt64) {
    guard let peer = sessions[session] else { return }
    trace(.left, peer.name)
    _ = sessions.close(session)
    leases.left(session)
    rewards.left(session)
  }

  /// Ends the sessions whose keys were taken out of the list, and says once if it cannot be read.
  func endRemoved() {
    guard let gatekeeper else { return }
    let keys = Set(sessions.peers.values.compactMap(\.key))
    let removed: Set<PublicKey>
    do throws(KeyError) {
      removed = try gatekeeper.removed(from: keys)
      if listFault != nil { say("list", "the list of allowed keys can be read again") }
      listFault = nil
    } catch {
      if listFault != error {
        say(
          "list",
          "! \(error); until it can be read nobody new is let in but the run folder's own actors, and nobody is shut out"
        )
      }
      listFault = error
      return
    }
    let reason = "its key was taken out of the list"
    for (session, peer) in sessions.peers {
      guard let key = peer.key, removed.contains(key) else { continue }
      send(.goodbye(reason: reason), to: session)
      end(session, because: reason)
    }
  }
}
