import Ledger
import Records
import Transport
import Wire

/// Who works for the run: greetings, and the ends of sessions.
extension ExchangeState {
  /// Somebody says hello.
  mutating func begin(_ hello: Hello, _ sender: Sender) {
    // Who is gone needs no session, and who does not read gets no further one.
    guard let peer = sender.peer, answers.begins(for: peer) else {
      return count("hello: not heard out")
    }
    // Perhaps a newer learner exists: the run folder knows, whatever a peer says.
    act(.introduce(hello, sender, mayBeLater: hello.highestEpoch > epoch))
  }

  /// What had to be looked up about it is known.
  mutating func greet(
    _ hello: Hello, _ sender: Sender, _ introduction: Introduction, now: Double
  ) {
    guard let peer = sender.peer else { return }
    let route = sender.route
    let party = introduction.ownKey.map { "key \($0)" } ?? hello.life
    if let reject = reason(toReject: hello, introduction, party, now: now) {
      count("hello: \(reject.code)")
      say("refused actor", "! actor \(hello.actor) refused: \(reject.text)", now: now)
      return reply(.reject(reject), to: route, releasing: peer)
    }
    // A connection has one session.
    if let old = sessions.session(of: route) {
      forget(old, because: "its connection has another session", now: now)
    }
    // The same process on a new connection replaces its old session.
    for session in sessions.sessions(ofLife: hello.life) {
      forget(session, because: "it came again", now: now)
    }
    let session = sessions.open(
      SessionTable.Peer(
        routingID: route, connection: peer, name: hello.actor, life: hello.life, key: sender.key,
        party: party, isOwn: introduction.ownKey == nil, since: now), introduction.session)
    actors.joined(hello.life, name: hello.actor, host: introduction.host, now: now)
    act(.welcome(peer))
    leases.joined(session, process: hello.life, party: party, now: now)
    for known in hello.held { leases.claimed(known.unit, by: session, now: now) }
    let discard = hello.held.filter { leases.isDurable($0.unit, digest: $0.digest) }.map(\.unit)
    send(
      .welcome(
        Welcome(
          runID: terms.runID, configuration: terms.configuration,
          configurationHash: terms.configurationHash, modelHash: terms.modelHash,
          committed: leases.committed, heartbeatMilliseconds: Self.heartbeatMilliseconds,
          livenessMilliseconds: Self.livenessMilliseconds, discard: discard)), to: session,
      releasing: peer)
    vanished.cameBack(hello.actor)
    trace(.joined, hello.actor)
    figures.presence.actors = sessions.peers.count
    figures.presence.joined += 1
    let who =
      ["\(leases.committed)"] + (introduction.keyName.map { ["key \($0)"] } ?? [])
      + [introduction.host, "pid \(hello.pid)"]
    say("joined", "+ actor \(hello.actor) joined (\(who.joined(separator: ", ")))", now: now)
  }

  private static let hexadecimal = Set("0123456789abcdef".utf8)

  private mutating func reason(
    toReject hello: Hello, _ introduction: Introduction, _ party: LeaseTable.Party, now: Double
  ) -> Reject? {
    if !introduction.isAllowed {
      return Reject(
        code: .notAuthorised,
        text:
          "its key is no longer in the list, or has ended; ask for a new one: tributary keys add NAME"
      )
    }
    let digits = hello.life.utf8
    guard digits.count == 32, digits.allSatisfy({ Self.hexadecimal.contains($0) }) else {
      return Reject(
        code: .notAuthorised,
        text: "its life is not 32 hexadecimal digits: it is not an actor of this program")
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
          "the actor has served generation \(hello.highestEpoch) of this run, whose folder is at generation"
          + " \(epoch): it was part of a copy")
    }
    if misconduct.isExcluded(party, now: now) {
      return Reject(
        code: .notAuthorised,
        text:
          "\(Misconduct.patience) of its results were invalid; it computes other numbers or is not"
          + " an actor of this program")
    }
    if sessions.peers.count >= maximumSessions, !makeRoom(now: now) {
      return Reject(
        code: .tooManySessions, text: "\(sessions.peers.count) sessions are open; try later")
    }
    return nil
  }

  /// A result of this session was chosen.
  mutating func delivered(_ session: UInt64) {
    guard let peer = sessions[session], !peer.hasDelivered else { return }
    sessions.delivered(session)
    act(.proven(peer.connection))
  }

  /// Ends the session that has done least, if there is one that does nothing.
  private mutating func makeRoom(now: Double) -> Bool {
    guard let idle = sessions.idle(now: now) else { return false }
    let reason = "it does no work, and its place is needed"
    send(.goodbye(reason: reason), to: idle)
    end(idle, because: reason, now: now)
    return true
  }

  mutating func end(
    _ session: UInt64, because reason: String, isLost: Bool = false, now: Double
  ) {
    guard let peer = sessions[session] else { return }
    forget(session, because: reason, now: now)
    if isLost, draining == nil { vanished.left(peer.name, now: now) }
    figures.presence.actors = sessions.peers.count
    figures.presence.lastLeft = peer.name
    say("left", "- actor \(peer.name) left: \(reason)", now: now)
  }

  private mutating func forget(_ session: UInt64, because reason: String, now: Double) {
    guard let peer = sessions[session] else { return }
    actors.left(peer.life, because: reason, now: now)
    trace(.left, peer.name)
    _ = sessions.close(session)
    answers.forget(session, of: peer.connection)
    // Unless another session of the connection follows at once, or is here.
    if !sessions.peers.values.contains(where: { $0.connection == peer.connection }) {
      act(.dismiss(peer.connection))
    }
    leases.left(session)
    rewards.left(session)
    results.left(session)
    pulls.left(session)
  }

  /// Ends the sessions whose keys are good no longer, and says once if the list cannot be read.
  mutating func endRemoved(_ list: Result<[PublicKey: String], KeyError>, now: Double) {
    let ended: [PublicKey: String]
    switch list {
    case .success(let keys):
      ended = keys
      if listFault != nil { say("list", "the list of allowed keys can be read again", now: now) }
      listFault = nil
    case .failure(let error):
      if listFault != error {
        say(
          "list",
          "! \(error); until it can be read, no new actor is accepted except the run folder's own, and no key is revoked",
          now: now)
      }
      listFault = error
      return
    }
    for (session, peer) in sessions.peers.sorted(by: { $0.key < $1.key }) {
      guard let key = peer.key, let reason = ended[key] else { continue }
      send(.goodbye(reason: reason), to: session)
      end(session, because: reason, now: now)
    }
  }
}
