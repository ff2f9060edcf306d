import Flow
import Synchronization
import Tensor

/// A model whose sessions are timed: how long whoever asks it waits for its answers.
final class ClockedModel: VelocityModel {
  private let model: any VelocityModel
  private let nanoseconds = Atomic<Int64>(0)
  private let questions = Atomic<Int>(0)

  init(_ model: any VelocityModel) { self.model = model }

  var contract: ModelContract { model.contract }
  /// Seconds so far.
  var seconds: Double { Double(nanoseconds.load(ordering: .relaxed)) * 1e-9 }
  var calls: Int { questions.load(ordering: .relaxed) }

  func initialParameters(seed: UInt64) throws(ModelFailure) -> Buffer {
    try model.initialParameters(seed: seed)
  }

  func session(waiting: @escaping @Sendable () -> Void) -> any ModelSession {
    Session(self, model.session(waiting: waiting))
  }

  private func spent(_ time: Duration) {
    nanoseconds.add(Int64(time / .nanoseconds(1)), ordering: .relaxed)
    questions.add(1, ordering: .relaxed)
  }

  private final class Session: ModelSession {
    private let model: ClockedModel
    private let session: any ModelSession
    private let clock = ContinuousClock()

    init(_ model: ClockedModel, _ session: any ModelSession) {
      (self.model, self.session) = (model, session)
    }

    var latentCount: Int { session.latentCount }

    func velocities(of rows: ModelRows, under parameters: ParameterSet) throws(ModelFailure) -> Slab
    {
      let start = clock.now
      defer { model.spent(start.duration(to: clock.now)) }
      return try session.velocities(of: rows, under: parameters)
    }

    /// Without what the slopes take, which are not the model's.
    func pullBack(
      at rows: ModelRows, under parameters: ParameterSet, addingTo gradient: Buffer,
      slopes: (Slab) throws(ModelFailure) -> Slab
    ) throws(ModelFailure) {
      let start = clock.now
      var between = Duration.zero
      defer { model.spent(start.duration(to: clock.now) - between) }
      try session.pullBack(at: rows, under: parameters, addingTo: gradient) {
        (velocities) throws(ModelFailure) in
        let start = clock.now
        defer { between = start.duration(to: clock.now) }
        return try slopes(velocities)
      }
    }

    func pixels(of latents: Slab) throws(ModelFailure) -> [[UInt8]] {
      let start = clock.now
      defer { model.spent(start.duration(to: clock.now)) }
      return try session.pixels(of: latents)
    }

    func close() { session.close() }
  }
}
