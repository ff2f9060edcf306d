package import Bytes
import Foundation
import Synchronization
package import Transport

/// Answers libzmq's question who may connect, on a thread of its own: the keys of a list, as it is at that moment,
/// and the key that the learner gave to actors of its own run folder.
package final class Gatekeeper: @unchecked Sendable {
  // `@unchecked`: `socket`, `noticed` and `spoken` are touched by the thread alone.
  private let socket: Socket
  private let wakeup: Wakeup
  private let list: AllowedList
  private let local: AllowedKeys.Entry
  private let notice: @Sendable (String) -> Void
  private let time: @Sendable () -> WallTime
  private let isStopping = Atomic<Bool>(false)
  private let ended = DispatchSemaphore(value: 0)
  private let clock = ContinuousClock()
  private let start = ContinuousClock.now
  /// When each refused peer was last spoken of.
  private var noticed: [String: ContinuousClock.Instant] = [:]
  private var spoken = NoticeLimit()

  /// - Parameters:
  ///   - path: the list of allowed keys.
  ///   - local: the key of actors that read it in the run folder.
  ///   - context: that of the sockets to guard, which are made after this and closed before.
  ///   - time: by which keys expire.
  package init(
    path: String, local: PublicKey, context: Context, time: @escaping @Sendable () -> WallTime,
    notice: @escaping @Sendable (String) -> Void
  ) throws {
    socket = try Socket(.reply, in: context)
    // libzmq asks at this address.
    _ = try socket.bind("inproc://zeromq.zap.01")
    wakeup = try Wakeup()
    list = AllowedList(path)
    self.time = time
    self.local = AllowedKeys.Entry(role: .actor, name: "local", key: local)
    self.notice = notice
  }

  /// - Parameter hosts: of those who may be knocking now; libzmq knows the reception's inner
  ///   connections alone.
  package func run(hosts: @escaping @Sendable () -> Set<String> = { [] }) throws(ThreadRefused) {
    try ThreadStart.run("gatekeeper") { [self] in
      defer { ended.signal() }
      while !isStopping.load(ordering: .relaxed) {
        do {
          _ = try wakeup.wait(for: socket, timeout: .seconds(1))
          wakeup.drain()
          while let parts = try socket.receive(maximumParts: AuthenticationRequest.partCount) {
            try answer(parts, hosts)
          }
        } catch {
          // Nobody comes in while nobody answers.
          notice("! authentication: \(error)")
          Thread.sleep(forTimeInterval: 0.1)
        }
      }
    }
  }

  package func stop() {
    isStopping.store(true, ordering: .relaxed)
    wakeup.signal()
    ended.wait()
  }

  /// Whether it is the key of the run folder's own actors, which all of them share.
  package func isLocal(_ key: PublicKey) -> Bool { key == local.key }

  /// Who may come in with this key now. While the list cannot be read, nobody new may,
  /// but for the actors of the run folder, which do not depend on it.
  ///
  /// - Returns: its line; nil for who may not.
  package func entry(of key: PublicKey?) -> AllowedKeys.Entry? {
    guard let key, let entry = list(for: key)?.entries[key], !entry.isExpired(at: time()) else {
      return nil
    }
    return entry
  }

  /// Those of these keys that may not be in any longer, and why.
  ///
  /// - Throws: where the list cannot be read: who is in stays in then.
  package func ended(among keys: Set<PublicKey>) throws(KeyError) -> [PublicKey: String] {
    let (entries, now) = (try list.read().entries, time())
    var ended: [PublicKey: String] = [:]
    for key in keys where key != local.key {
      guard let entry = entries[key] else {
        ended[key] = "its key was taken out of the list"
        continue
      }
      if entry.isExpired(at: now) { ended[key] = Self.sentence(onEndOf: entry, now: now) }
    }
    return ended
  }

  /// Whoever reads it sees the clock that was asked, which may be wrong.
  private static func sentence(onEndOf entry: AllowedKeys.Entry, now: WallTime) -> String {
    "its key, \(entry.name), ended at \(entry.expires.map { "\($0)" } ?? "?"), and the learner's clock says"
      + " \(now)"
  }

  /// The list that decides on this key; nil while it cannot be read.
  private func list(for key: PublicKey?) -> AllowedKeys? {
    key == local.key ? AllowedKeys([local]) : try? list.read()
  }

  private func answer(_ parts: [[UInt8]], _ hosts: () -> Set<String>) throws {
    guard let request = AuthenticationRequest(parts: parts) else { return }
    let now = time()
    let decision = AuthenticationDecision(request, allowed: list(for: request.key), now: now)
    _ = try socket.send(decision.parts(to: request))
    let refusal: String
    switch decision {
    case .allowed: return
    case .expired(let entry):
      refusal =
        "\(Self.sentence(onEndOf: entry, now: now)); to let it in, change its expires= in \(list.path), or set"
        + " the clock"
    case .refused(let reason):
      let way = request.key.map { "; to let it in, add to \(list.path): actor NAME \($0)" }
      refusal = reason + (way ?? "")
    }
    let known = hosts().sorted()
    let host = known.count > 3 ? "one of \(known.count) hosts" : known.joined(separator: " or ")
    let who = request.key.map { "\($0)" } ?? host
    if let last = noticed[who], last.duration(to: clock.now) < .seconds(60) { return }
    if noticed.count >= 256 { noticed = [:] }
    // Keys cost nothing, so one peer may have many.
    guard spoken.allows("refused", most: 20, now: start.duration(to: clock.now).seconds) else {
      return
    }
    noticed[who] = clock.now
    notice("! a peer at \(host.isEmpty ? "?" : host) was refused: \(refusal)")
  }
}
