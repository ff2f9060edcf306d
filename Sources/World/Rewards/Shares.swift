import Bytes
import Dispatch
import Foundation
import Programs
import Records
import Synchronization

/// Exhibits in equal shares, asked about at once, each share again where it failed.
struct Shares {
  let source: RewardSource

  /// - Parameter ask: scores one share; `worker` is the share's number, below the concurrency, and
  ///   no two calls at once have the same.
  func scores(
    of exhibits: [Exhibit],
    ask: @escaping @Sendable (_ worker: Int, ArraySlice<Exhibit>) throws(Fault) -> [Float]
  ) throws(RewardFailure) -> [Float] {
    let count = min(source.concurrency, exhibits.count)
    guard count > 0 else { return [] }
    let bounds = (0...count).map { $0 * exhibits.count / count }
    let outcomes = Outcomes(count)
    // Threads of their own, for they wait; the last share waits on this one.
    for share in 0..<count {
      let work = { @Sendable in
        let outcome = persist { () throws(Fault) in
          try ask(share, exhibits[bounds[share]..<bounds[share + 1]])
        }
        outcomes.add(outcome, at: share)
      }
      guard share < count - 1, (try? ThreadStart.run("reward share", work)) != nil else {
        // Without a thread of its own a share takes its turn here.
        work()
        continue
      }
    }
    var scores: [Float] = []
    var missing = 0
    var fault: Fault?
    for (share, outcome) in outcomes.all().enumerated() {
      switch outcome {
      case .success(let part): scores += part
      case .failure(let reason):
        missing += bounds[share + 1] - bounds[share]
        fault = fault ?? reason
      }
    }
    guard let fault else { return scores }
    throw RewardFailure(
      reward: source.name, missing: missing, asked: exhibits.count,
      tries: fault.kind == .unsuitable ? 1 : 1 + source.retries, fault: fault)
  }

  /// One outcome for each share, from as many threads.
  private final class Outcomes: Sendable {
    private let list: Mutex<[Result<[Float], Fault>]>
    private let pending = DispatchGroup()

    init(_ count: Int) {
      list = Mutex(Array(repeating: .success([]), count: count))
      for _ in 0..<count { pending.enter() }
    }

    func add(_ outcome: Result<[Float], Fault>, at share: Int) {
      list.withLock { $0[share] = outcome }
      pending.leave()
    }

    /// Waits for the last one.
    func all() -> [Result<[Float], Fault>] {
      pending.wait()
      return list.withLock { $0 }
    }
  }

  /// Tries again, a little later each time.
  private func persist(_ attempt: () throws(Fault) -> [Float]) -> Result<[Float], Fault> {
    var pause = 0.1
    for _ in 0..<source.retries {
      do throws(Fault) {
        return .success(try attempt())
      } catch {
        if error.kind == .unsuitable || error == .closed { return .failure(error) }
        Thread.sleep(forTimeInterval: pause)
        pause = min(2 * pause, 5)
      }
    }
    do throws(Fault) {
      return .success(try attempt())
    } catch {
      return .failure(error)
    }
  }
}
