import Foundation
import Testing

import Golden

/// Branches of the released steps and solvers that the given files do not reach, each beside a literal
/// second version in double precision.
struct StepBranchesTests {
  private let x = [0.5, -1.25, 0.75]
  private let v = [-0.3, 0.9, 1.1]
  private let eps = [[0.4, -1.5, 0.2], [1.1, 0.3, -0.7]]

  /// One step of the SDE with constant noise, as DanceGRPO and BranchGRPO release it.
  private func danceMean(_ σ: Double, _ next: Double, _ η: Double) -> [Double] {
    x.indices.map { i in
      let clean = x[i] - σ * v[i]
      let score = -(x[i] - clean * (1 - σ)) / (σ * σ)
      return x[i] + (next - σ) * v[i] - 0.5 * η * η * score * (next - σ)
    }
  }

  private func logDensity(_ next: [Double], _ mean: [Double], _ s: Double) -> Double {
    var sum = 0.0
    for (x, m) in zip(next, mean) {
      sum += -(x - m) * (x - m) / (2 * s * s) - log(s) - 0.5 * log(2 * Double.pi)
    }
    return sum / Double(next.count)
  }

  @Test(arguments: [
    (1, 4.0, 1.0, 0.9375), (1, 4, 0.5, 0.25), (1, 4, 0.125, 0), (1, 1, 0.5, 0.25),
    (1, 0, 0.5, 0.25),
    (2, 4, 0.125, 0), (2, 0, 0.5, 0.25),
  ])
  func `a node with one child keeps its noise, several have it inflated`(
    count: Int, scale: Double, sigma: Double, next: Double
  ) throws {
    let (η, s) = (0.3, 0.3 * (sigma - next).squareRoot())
    let mean = danceMean(sigma, next, η)
    let drawn = eps.prefix(count).map { noise in
      zip(mean, noise).map { $0 + s * $1 * (count > 1 ? scale : 1) }
    }
    let report = try report(
      on: "branchgrpo_split_step",
      [
        "eta": η, "num_splits": count, "split_noise_scale": scale, "sigma": sigma,
        "sigma_next": next, "x": x, "v": v, "eps": Array(eps.prefix(count)),
        "out": [
          "x_next": drawn, "x0_pred": drawn.map { _ in zip(x, v).map { $0 - sigma * $1 } },
          "log_prob": drawn.map { logDensity($0, mean, s) },
        ],
      ])
    #expect(report.status == .passed, "\(report.failures)")
  }

  @Test func `a split step without noise has the density of the least deviation`() throws {
    // Coordinates that a float holds, so that x′ is μ to the bit.
    let report = try report(
      on: "branchgrpo_split_step",
      [
        "eta": 0, "num_splits": 1, "split_noise_scale": 4, "sigma": 0.5, "sigma_next": 0.25,
        "x": [1, -2], "v": [4, 8], "eps": [[0, 0]],
        "out": [
          "x_next": [[0, -4]], "x0_pred": [[-1, -6]],
          "log_prob": [-log(1e-8) - 0.5 * log(2 * Double.pi)],
        ],
      ])
    #expect(report.status == .passed, "\(report.failures)")
  }

  @Test(arguments: [0.0, 0.3])
  func `the straight step of MixGRPO's Dance-SDE has a density of 0, and of none without noise`(
    eta: Double
  ) throws {
    let report = try report(
      on: "mixgrpo_step",
      [
        "kind": "dance", "eta": eta, "sde": false, "sigma": 0.5, "sigma_next": 0.25, "x": [x],
        "v": [v], "eps": NSNull(),
        "out": [
          "x_next": [zip(x, v).map { $0 - 0.25 * $1 }],
          "x0_pred": [zip(x, v).map { $0 - 0.5 * $1 }],
          "log_prob": [eta == 0 ? .nan : 0.0],
        ],
      ])
    #expect(report.status == .passed, "\(report.failures)")
  }

  @Test(arguments: ["Flow-SDE", "Dance-SDE"])
  func `a step at noise level 0 has neither a density nor its gradient`(dynamics: String) throws {
    let next = zip(x, v).map { $0 - 0.25 * $1 }
    for gradient in [NSNull(), [[Double.nan, .nan, .nan]]] as [Any] {
      let report = try report(
        on: "flowfactory_dynamics",
        [
          "dynamics": dynamics, "effective_noise_level": [0], "latents_stored_bf16": false,
          "sigma": 0.5, "sigma_next": 0.25, "sigma_max": 0.75, "x": [x], "v": [v],
          "eps": [[1, 2, 3]],
          "out": [
            "x_next": [next], "mean": [next], "std_dev_t": 0, "dt": -0.25, "log_prob": [Double.nan],
          ],
          "replay": ["v": [[0, 0, 0]], "log_prob": [Double.nan], "dlogprob_sum_dv": gradient],
        ])
      #expect(report.status == .passed, "\(report.failures)")
    }
  }

  /// How a window moves; nil is the release's default.
  struct Movement: Sendable {
    var strategy = "progressive"
    var overlap: Int?
    var rollsBack = false
    var start = 0
    var most: Int?
    var least: Int?
    var threshold: Int?
    var rate: Double?
  }

  @Test(arguments: [
    Movement(rollsBack: true, start: 5), Movement(start: 5), Movement(overlap: 0),
    Movement(strategy: "decay", most: 6, least: 2), Movement(strategy: "decay", rollsBack: true),
    Movement(
      strategy: "exp_decay", overlap: 1, rollsBack: true, start: 1, threshold: 1, rate: 0.5),
    Movement(strategy: "exp_decay", rate: 0.5),
  ])
  func `the window moves as the release moves it`(movement: Movement) throws {
    for (width, iterations) in [(1, 1), (2, 3), (3, 4), (7, 2)] {
      var parameters: [String: Any] = [
        "sample_strategy": movement.strategy, "iters_per_group": iterations, "group_size": width,
        "max_timesteps": 5, "cur_timestep": movement.start, "roll_back": movement.rollsBack,
        "prog_overlap": movement.overlap != nil,
      ]
      parameters["prog_overlap_step"] = movement.overlap
      parameters["max_iters_per_group"] = movement.most
      parameters["min_iters_per_group"] = movement.least
      parameters["exp_decay_thre_timestep"] = movement.threshold
      parameters["exp_decay_k"] = movement.rate
      let report = try report(
        on: "mixgrpo_window",
        [
          "params": parameters,
          "window_start_and_len_per_iteration": released(movement, width, iterations),
        ])
      #expect(report.status == .passed, "\(movement) \(width): \(report.failures)")
    }
  }

  private func released(_ movement: Movement, _ width: Int, _ iterations: Int) -> [[Int]] {
    let limit = 5
    let most = Double(movement.most ?? iterations)
    let least = Double(movement.least ?? max(1, iterations / 4))
    var (start, iteration) = (movement.start, 0)
    var rows: [[Int]] = []
    for _ in 0..<40 {
      let count = max(0, min(start + width, limit) - start)
      rows.append([count > 0 ? start : -1, count])
      iteration += 1
      var stay = Double(iterations)
      if movement.strategy == "decay" {
        let progress = Double(start) / Double(limit)
        let between = most * (1 - progress) + least * progress
        stay = max(least, between.rounded(.down))
      } else if movement.strategy == "exp_decay" {
        let beyond = Double(max(0, start - (movement.threshold ?? 13)))
        stay = (stay * exp(-(movement.rate ?? 0.1) * beyond)).rounded(.up)
      }
      if Double(iteration) >= stay {
        iteration = 0
        start += movement.overlap ?? width
      }
      if start > limit, movement.rollsBack {
        (start, iteration) = (movement.start, 0)
      } else if start > limit {
        start = limit
      }
    }
    return rows
  }

  @Test(arguments: [
    (1, 0), (2, 0), (1, 3), (2, 3), (3, 3), (3, 4), (4, 4), (4, 1), (3, 0),
  ])
  func `SA-Solver runs in every order as the release loops`(predictor: Int, corrector: Int) throws {
    for τ in [0.0, 0.6] {
      let times = [0.95, 0.8, 0.62, 0.47, 0.3, 0.12, 0]
      var noises: [[[Double]]] = []
      for step in times.indices {
        noises.append([x.indices.map { sin(Double(7 * step + 3 * $0)) }])
      }
      let run = releasedRun(times, noises.map { $0[0] }, τ, predictor, corrector)
      let report = try report(
        on: "awm_sa_solver",
        [
          "T": times.count - 1, "n_model_calls": times.count - 1, "noise_level": τ, "tau_lo": 0.3,
          "tau_hi": 0.9,
          "predictor_order": predictor, "corrector_order": corrector,
          "A": x.indices.map { i in x.indices.map { $0 == i ? 0.2 : 0.0 } }, "b": [0.1, 0, 0],
          "c": [0, 0.3, 0], "timesteps": times, "x_init": [x], "noises": noises,
          "out": [
            "model_t": Array(times.dropLast()),
            "model_x": run.calls.map { [$0] }, "states": run.states.map { [$0] },
            "x0": [run.states[run.states.count - 1]],
          ],
        ])
      #expect(report.status == .passed, "\(τ): \(report.failures)")
    }
  }

  /// The release's two loops, with integrals by Simpson's rule.
  private func releasedRun(
    _ times: [Double], _ noises: [[Double]], _ τ: Double, _ predictor: Int, _ corrector: Int
  ) -> (calls: [[Double]], states: [[Double]]) {
    func λ(_ t: Double) -> Double { log(1 - t) - log(t) }
    func clean(_ x: [Double], _ t: Double) -> [Double] {
      [
        x[0] - t * (0.2 * x[0] + 0.1), x[1] - t * (0.2 * x[1] + 0.3 * t), x[2] - t * 0.2 * x[2],
      ]
    }
    func moved(
      _ x: [Double], from: Double, to t: Double, nodes: [(t: Double, clean: [Double])],
      noise: [Double]
    ) -> [Double] {
      let tau = t >= 0.3 && t <= 0.9 ? τ : 0
      let (k, h) = (1 + tau * tau, λ(t) - λ(from))
      var coefficients = nodes.indices.map { i in
        var sum = 0.0
        let count = 200
        for n in 0...count {
          let l = λ(from) + h * Double(n) / Double(count)
          var polynomial = 1.0
          for j in nodes.indices where j != i {
            polynomial *= (l - λ(nodes[j].t)) / (λ(nodes[i].t) - λ(nodes[j].t))
          }
          let weight = n == 0 || n == count ? 1.0 : n % 2 == 1 ? 4 : 2
          sum += weight * exp(k * (l - λ(t))) * polynomial
        }
        return sum * h / Double(3 * count)
      }
      if nodes.count == 2 {
        let q = (h * k - 1 + exp(-k * h)) / (k * k)
        let d = nodes[0].t == t ? h / 2 - q / h : (h * h / 2 - q) / (λ(nodes[0].t) - λ(nodes[1].t))
        coefficients[0] += d
        coefficients[1] -= d
      }
      return x.indices.map { i in
        var sum = exp(-tau * tau * h) * t / from * x[i]
        for (c, node) in zip(coefficients, nodes) { sum += (1 - t) * k * c * node.clean[i] }
        return sum + t * (1 - exp(-2 * tau * tau * h)).squareRoot() * noise[i]
      }
    }
    var state = x
    var nodes = [(t: times[0], clean: clean(state, times[0]))]
    var (calls, states) = ([state], [state])
    let steps = times.count - 1
    let warm = max(predictor, corrector - 1)
    for step in 1..<steps {
      let isWarm = step < warm
      let p = isWarm ? min(predictor, step) : min(predictor, steps - step + 1)
      let c = isWarm ? min(corrector, step + 1) : min(corrector, steps - step + 2)
      let (from, t) = (times[step - 1], times[step])
      let predicted = moved(
        state, from: from, to: t, nodes: Array(nodes.prefix(p)), noise: noises[step])
      calls.append(predicted)
      nodes.insert((t, clean(predicted, t)), at: 0)
      state =
        corrector > 0 && !(isWarm && step == 1)
        ? moved(state, from: from, to: t, nodes: Array(nodes.prefix(c)), noise: noises[step])
        : predicted
      states.append(state)
    }
    return (calls, states + [nodes[0].clean])
  }
}
