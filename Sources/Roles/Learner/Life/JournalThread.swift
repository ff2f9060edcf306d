package import Bytes
import Foundation
package import Journal
package import Learning
package import Records
import Synchronization
import Transport
import Wire

/// The one writer of a run's journal, on a thread of its own: whatever is waiting is appended
/// together and synced once, so that durability costs one `fdatasync` for many records.
package final class JournalThread: @unchecked Sendable {
  // `@unchecked`: `writer` is touched by the thread alone, the rest is thread-safe by itself.
  package enum Job: Sendable {
    case unit(AdmittedUnit)
    case commit(Commit)
    case voided(VoidedUnit)
  }

  package struct Written: Sendable {
    package let job: Job
    package let location: JournalLocation
  }

  package enum Event: Sendable {
    /// These records are in the journal, and `fdatasync` returned.
    case durable([Written])
    /// Nothing was acknowledged, and nothing more will be.
    case failed(RunFailure)
  }

  private let jobs = Mailbox<Job>()
  private var writer: JournalWriter
  private let epoch: UInt64
  private let mayWrite: @Sendable () throws -> Void
  private let nanoseconds = Atomic<Int64>(0)
  private let count = Atomic<Int>(0)
  private let ended = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - firstSegment: where the journal is made; not 0 where an older one is missing.
  ///   - header: the first record of every segment, given its number.
  ///   - mayWrite: asked before every write; throws once the run folder has another owner.
  package init(
    directory: String, segmentLimit: UInt64 = JournalWriter.usualSegmentLimit,
    firstSegment: UInt64 = 0, epoch: UInt64,
    header: @escaping @Sendable (UInt64) -> RunHeader,
    mayWrite: @escaping @Sendable () throws -> Void
  ) throws {
    writer = try JournalWriter(
      directory: directory, headerOfSegment: { JournalRecord.header(header($0)).encoded() },
      segmentLimit: segmentLimit, firstSegment: firstSegment)
    self.epoch = epoch
    self.mayWrite = mayWrite
  }

  package var recovered: TornTail? { writer.recovered }

  /// - Parameter deliver: called on the journal's thread.
  package func start(deliver: @escaping @Sendable (Event) -> Void) throws(ThreadRefused) {
    try ThreadStart.run("journal") { [self] in run(deliver) }
  }

  package func submit(_ job: Job) { jobs.post(job) }

  /// Ends the thread after everything submitted is durable.
  package func stop() {
    jobs.close()
    ended.wait()
  }

  /// Seconds spent appending and syncing.
  package var seconds: Double { Double(nanoseconds.load(ordering: .relaxed)) * 1e-9 }

  /// How often something was appended and synced.
  package var writes: Int { count.load(ordering: .relaxed) }

  /// What a person may count on.
  private static func comfort(after error: any Error) -> String {
    if case .file(.gone(_, isRestored: false)) = error as? JournalError { return "" }
    return "; nothing acknowledged is lost, start again to resume"
  }

  private func run(_ deliver: (Event) -> Void) {
    defer { ended.signal() }
    let clock = ContinuousClock()
    while let batch = jobs.wait(atMost: 3600) {
      if batch.isEmpty { continue }
      let start = clock.now
      var written: [Written] = []
      do {
        try mayWrite()
        for job in batch {
          let record: JournalRecord =
            switch job {
            case .unit(let unit):
              .trajectory(
                unit: unit.unit, epoch: epoch, digest: unit.digest, payload: unit.payload)
            case .commit(let commit): .commit(commit)
            case .voided(let unit): .voided(unit)
            }
          written.append(Written(job: job, location: try writer.append(record.encoded())))
        }
        try writer.sync()
      } catch {
        deliver(
          .failed(
            error as? RunFailure
              ?? RunFailure(
                .disk, "\(error)\(Self.comfort(after: error))")))
        return
      }
      let parts = start.duration(to: clock.now).components
      nanoseconds.add(
        parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000, ordering: .relaxed)
      count.add(1, ordering: .relaxed)
      deliver(.durable(written))
    }
  }
}
