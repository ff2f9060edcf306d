import Autograd
import CKernels
import COpenBLAS
import Foundation
import Network
import Tensor

/// `bench model`: forward and training rates of a network beside the rate of its own products in
/// OpenBLAS and the processor's peak, in one run, round by round.
package struct ModelBenchmark {
  package struct Row: Sendable {
    package var configuration: ModelConfiguration
    package var parameters: Int
    package var batch: Int
    package var forwardSamplesPerSecond: Double
    package var trainSamplesPerSecond: Double
    /// 10⁹ floating-point operations of matrix products a second.
    package var forwardRate: Double
    package var trainRate: Double
    package var sgemmForwardRate: Double
    package var sgemmTrainRate: Double
  }

  package struct Report: Sendable {
    /// The kernel family of OpenBLAS and the instruction set of ours.
    package var core: String
    package var threads: Int
    package var peakRate: Double
    package var rows: [Row]
  }

  /// One thread's own network state.
  private final class Worker: @unchecked Sendable {
    // `@unchecked`: each worker is used by one thread at a time.
    let inference = Tape(recording: false)
    let training = Tape(recording: true)
    let gradients: Buffer
    let bare: BareProducts

    init(parameters: Int, bare: BareProducts) {
      gradients = Buffer(count: parameters)
      self.bare = bare
    }
  }

  package static func run(
    configurations: [ModelConfiguration], batch: Int, threads: Int, rounds: Int = 9,
    peakSpins spins: Int = 20_000_000
  ) -> Report {
    openblas_set_num_threads(1)
    let table = Kernels.table.pointee
    let peakSeconds = Stopwatch.medians(
      rounds: 5,
      [
        {
          DispatchQueue.concurrentPerform(iterations: threads) { _ in
            blackHole(Kernels.table.pointee.peak(spins))
          }
        }
      ])[0]
    let peak = Double(table.peak_operations) * Double(spins * threads) / peakSeconds * 1e-9
    let rows = configurations.map {
      measure($0, batch: batch, threads: threads, rounds: rounds)
    }
    return Report(
      core: "\(String(cString: openblas_get_corename())) / \(Kernels.instructionSet)",
      threads: threads, peakRate: peak, rows: rows)
  }

  private static func measure(
    _ configuration: ModelConfiguration, batch: Int, threads: Int, rounds: Int
  ) -> Row {
    let network = DiT(configuration.shape)
    let weights = network.initialParameters(seed: 1)
    // A last layer of zeros would give backward nothing to do.
    weights.row.add(
      Buffer(
        Philox(seed: 2).normals(
          at: NoiseAddress(unit: 0, purpose: .initialisation), count: weights.count)
      ).row, times: 0.01)
    let calls = max(threads, batch / configuration.rowsPerCall)
    let input = Self.input(for: configuration)
    let flops = configuration.products(rows: configuration.rowsPerCall)
    let workers = (0..<threads).map { _ in
      Worker(parameters: weights.count, bare: BareProducts(flops))
    }
    let moments = (Buffer(count: weights.count), Buffer(count: weights.count))
    let shared = SharedNetwork(network: network, weights: weights, input: input)
    func onEachThread(_ body: @escaping @Sendable (Worker) -> Void) {
      DispatchQueue.concurrentPerform(iterations: threads) { index in
        for _ in 0..<(calls / threads) { body(workers[index]) }
      }
    }
    let seconds = Stopwatch.medians(
      rounds: rounds,
      [
        { onEachThread { shared.forward(on: $0.inference) } },
        { onEachThread { $0.bare.forward() } },
        {
          for worker in workers { worker.gradients.clear() }
          onEachThread { shared.train(on: $0.training, gradients: $0.gradients) }
          for worker in workers.dropFirst() { workers[0].gradients.row.add(worker.gradients.row) }
          AdamWStep(
            gradientScale: 1e-9, learningRate: 1e-9, beta1: 0.9, beta2: 0.99, epsilon: 1e-8,
            weightDecay: 0, correction1: 1, correction2: 1
          ).apply(
            to: weights, gradient: workers[0].gradients, first: moments.0, second: moments.1)
        }, { onEachThread { $0.bare.train() } },
      ])
    let done = calls / threads * threads
    let operations =
      Double(done) * configuration.operations(rows: configuration.rowsPerCall) * 1e-9
    let samples = Double(done * configuration.rowsPerCall)
    return Row(
      configuration: configuration, parameters: network.table.count,
      batch: done * configuration.rowsPerCall, forwardSamplesPerSecond: samples / seconds[0],
      trainSamplesPerSecond: samples / seconds[2], forwardRate: operations / seconds[0],
      trainRate: 3 * operations / seconds[2], sgemmForwardRate: operations / seconds[1],
      sgemmTrainRate: 3 * operations / seconds[3])
  }

  private static func input(for configuration: ModelConfiguration) -> VelocityInput {
    let rows = configuration.rowsPerCall
    let latents = Philox(seed: 3).normals(
      at: NoiseAddress(unit: 0, purpose: .evaluationNoise),
      count: rows * configuration.shape.latentCount)
    let isPrompted = configuration.promptTokens > 0
    return VelocityInput(
      latents: latents,
      sigmas: (0..<rows).map { isPrompted ? 0.5 : Float($0 + 1) / Float(rows) },
      prompts: [isPrompted ? (0..<Int32(configuration.promptTokens)).map { $0 } : []],
      latentsOfPrompt: [rows])
  }

  /// What the threads of a measurement share and only read.
  private final class SharedNetwork: @unchecked Sendable {
    // `@unchecked`: nothing here changes while threads run.
    let network: DiT
    let weights: Buffer
    let input: VelocityInput

    init(network: DiT, weights: Buffer, input: VelocityInput) {
      self.network = network
      self.weights = weights
      self.input = input
    }

    func forward(on tape: Tape) {
      tape.reset()
      blackHole(network.velocity(of: input, weights: weights, on: tape).value[0, 0])
    }

    func train(on tape: Tape, gradients: Buffer) {
      tape.reset()
      let v = network.velocity(of: input, weights: weights, gradients: gradients, on: tape)
      tape.backward(from: v, gradient: v.value)
    }
  }
}

/// Keeps a result from being optimised away.
@inline(never) func blackHole(_ value: Float) {}
