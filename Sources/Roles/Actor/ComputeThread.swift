import Foundation
import Records
import Synchronization
import Tensor
import Transport
import Wire

/// The actor's arithmetic, on a thread of its own so that heartbeats never wait for it.
final class ComputeThread: @unchecked Sendable {
  // `@unchecked`: the sampler is touched by the thread alone.
  struct Order: Sendable {
    var lease: Lease
    var weights: Buffer
  }

  struct Finished: Sendable {
    var result: UnitResult
    var payload: [UInt8]
  }

  private let orders = Mailbox<Order>()
  private let finished: Mailbox<Finished>
  private let sampler: UnitSampler
  private let units = Atomic<UInt64>(0)

  init(recipe: Recipe, finished: Mailbox<Finished>) {
    sampler = UnitSampler(recipe)
    self.finished = finished
  }

  /// Units finished so far: the proof of progress in heartbeats.
  var progress: UInt64 { units.load(ordering: .relaxed) }

  func start() {
    let thread = Thread { [self] in
      while let order = orders.next() { finished.post(compute(order)) }
    }
    thread.name = "compute"
    // Room for deep frames of the number tower.
    thread.stackSize = 8 << 20
    thread.start()
  }

  func submit(_ order: Order) { orders.post(order) }

  /// Takes back orders that are not begun.
  ///
  /// - Returns: their units.
  func withdraw(_ units: Set<UnitID>) -> Set<UnitID> {
    Set(orders.withdraw { units.contains($0.lease.unit) }.map(\.lease.unit))
  }

  func stop() { orders.close() }

  private func compute(_ order: Order) -> Finished {
    let (trajectory, split) = sampler.trajectory(
      of: order.lease.unit, version: order.lease.version, weights: order.weights,
      clock: ContinuousClock())
    let payload = trajectory.encoded()
    units.add(1, ordering: .relaxed)
    let result = UnitResult(
      unit: order.lease.unit, attempt: order.lease.attempt, version: order.lease.version,
      paramsHash: order.lease.paramsHash, digest: Digest(of: payload),
      byteCount: UInt32(payload.count), sampleMicroseconds: UInt64(split.sample.seconds * 1e6),
      judgeMicroseconds: UInt64(split.judge.seconds * 1e6))
    return Finished(result: result, payload: payload)
  }
}
