import Bytes
import Flow
import Foundation
import Learning
import Records
import Rewards
import Synchronization
import Tensor
import Transport
import Wire

/// The actor's arithmetic, on a thread of its own so that heartbeats never wait for it.
final class ComputeThread: @unchecked Sendable {
  // `@unchecked`: the sampler is touched by the thread alone.
  struct Order: Sendable {
    var lease: Lease
    var weights: ParameterSet
  }

  enum Outcome: Sendable {
    case finished(ActorState.Finished)
    /// Sampled, and not to be judged now.
    case failed(Lease, UnitFailure)
  }

  /// The payload of a lease from elsewhere.
  typealias Recorded = @Sendable (Lease) -> [UInt8]?

  private let recorded: Recorded?
  private let orders = Mailbox<Order>()
  private let outcomes: Mailbox<Outcome>
  private let sampler: UnitSampler
  private let panel: RewardPanel
  private let together: Int
  private let steps = Progress()

  private final class Progress: Sendable {
    let count = Atomic<UInt64>(0)
    /// The reward whose answer the thread awaits.
    let awaited = Mutex<RewardSource?>(nil)

    func waits(for reward: RewardSource) {
      count.add(1, ordering: .relaxed)
      awaited.withLock { $0 = reward }
    }
  }

  init(recipe: Recipe, recorded: Recorded? = nil, outcomes: Mailbox<Outcome>) {
    self.recorded = recorded
    sampler = UnitSampler(recipe) { [steps] in steps.count.add(1, ordering: .relaxed) }
    panel = RewardPanel(recipe.rewards, task: recipe.task)
    together = recipe.unitsTogether
    self.outcomes = outcomes
  }

  /// Units finished and waits for a reward so far: the proof of progress in heartbeats. A reward has
  /// time limits of its own, so whoever waits for one is not stuck.
  var progress: UInt64 { steps.count.load(ordering: .relaxed) }

  /// The reward whose answer is awaited, if one is.
  var awaited: RewardSource? { steps.awaited.withLock { $0 } }

  func start() throws(ThreadRefused) {
    // Room for deep frames of the number tower.
    try ThreadStart.run("compute", stackBytes: 8 << 20) { [self] in
      while let orders = orders.next(
        upTo: together,
        alike: { $0.weights === $1.weights && $0.lease.version == $1.lease.version })
      {
        compute(orders)
      }
    }
  }

  func submit(_ order: Order) { orders.post(order) }

  /// Takes back orders that are not begun.
  ///
  /// - Returns: their units.
  func withdraw(_ units: Set<UnitID>) -> Set<UnitID> {
    Set(orders.withdraw { units.contains($0.lease.unit) }.map(\.lease.unit))
  }

  func stop() {
    orders.close()
    panel.close()
    sampler.close()
  }

  /// Units of one version, or parts of its evaluation.
  private func compute(_ orders: [Order]) {
    var rest: [Order] = []
    for order in orders {
      if let part = EvaluationUnit(order.lease.unit) {
        evaluate(part, order)
        continue
      }
      guard let payload = recorded?(order.lease) else {
        rest.append(order)
        continue
      }
      steps.count.add(1, ordering: .relaxed)
      outcomes.post(.finished(ActorState.Finished(payload, of: order.lease)))
    }
    sample(rest)
  }

  private func evaluate(_ part: EvaluationUnit, _ order: Order) {
    defer { steps.awaited.withLock { $0 = nil } }
    do throws(UnitFailure) {
      let trajectory = try sampler.trajectory(
        of: part, weights: order.weights, judgedBy: panel,
        waiting: { [steps] in steps.waits(for: $0) })
      steps.count.add(1, ordering: .relaxed)
      outcomes.post(.finished(ActorState.Finished(trajectory.encoded(), of: order.lease)))
    } catch {
      outcomes.post(.failed(order.lease, error))
    }
  }

  private func sample(_ orders: [Order]) {
    guard let first = orders.first else { return }
    let began = (wall: ContinuousClock.now, processor: ProcessorTime.ofThread)
    defer { steps.awaited.withLock { $0 = nil } }
    sampler.trajectories(
      of: orders.map(\.lease.unit), version: first.lease.version, weights: first.weights,
      judgedBy: panel, clock: ContinuousClock(),
      waiting: { [steps] in steps.waits(for: $0) }
    ) { place, result in
      let lease = orders[place].lease
      switch result {
      case .failure(let failure): outcomes.post(.failed(lease, failure))
      case .success(let (trajectory, split)):
        let share = processorShare(since: began.wall, began.processor)
        let payload = trajectory.encoded()
        steps.count.add(1, ordering: .relaxed)
        outcomes.post(
          .finished(
            ActorState.Finished(
              payload, of: lease, sample: share * split.sample.seconds,
              judge: share * split.judge.seconds)))
      }
    }
  }

  /// The share of the time since then in which a core worked for this thread.
  ///
  /// 1 where a program or a server judges, which works while this thread waits for it.
  private func processorShare(since wall: ContinuousClock.Instant, _ processor: Double) -> Double {
    guard panel.rewards.allSatisfy(\.source.isBuiltIn) else { return 1 }
    let elapsed = wall.duration(to: .now).seconds
    return elapsed > 0 ? min(1, max(0, (ProcessorTime.ofThread - processor) / elapsed)) : 1
  }
}
