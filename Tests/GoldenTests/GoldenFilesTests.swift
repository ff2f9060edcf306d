import Foundation
import TestSupport
import Testing

import Golden

struct GoldenFilesTests {
  @Test func `the files of the peers' numbers are there and pass`() throws {
    let reports = try GoldenSuite.run(directory: goldenDirectory)
    #expect(reports.map(\.file) == goldenNames.map { $0 + ".json" })
    for report in reports {
      #expect(report.status == .passed, "\(report.file): \(report.failures)")
      #expect(report.cases > 0 && report.comparisons > 0 && report.worstDeviation <= 1e-5)
    }
  }

  @Test(arguments: goldenNames)
  func `a file with one wrong output fails and the failure names the field`(name: String) throws {
    let root = try document(name)
    let leaves = numbers(of: root).filter { isOutput($0, of: name) }
    #expect(leaves.count > 30)
    for place in stride(from: 0, to: leaves.count, by: max(1, leaves.count / 150)) {
      let changed = changing(root, at: leaves[place]) {
        let number = ($0 as! NSNumber).doubleValue
        // β = 2000 makes gradients of 40, by the largest of which small entries are measured.
        return number + max(name == "dpo_loss" ? 0.01 : 1e-4, abs(number) / 100)
      }
      let report = try report(on: changed)
      #expect(report.status == .failed, "\(name) \(leaves[place])")
      #expect(report.failures.first?.hasPrefix("cases[\(leaves[place][1])]") == true)
    }
  }

  @Test(arguments: goldenNames)
  func `a case without one of its fields fails and the failure names it`(name: String) throws {
    let root = try #require(try document(name) as? [String: Any])
    let cases = try #require(root["cases"] as? [[String: Any]])
    for field in cases[0].keys where !isUnused(field, in: name) {
      var changed = root
      var shorter = cases
      shorter[0][field] = nil
      changed["cases"] = shorter
      let report = try report(on: changed)
      #expect(report.failures == ["cases[0] lacks the field \(field)"], "\(name)")
    }
  }

  @Test(arguments: goldenNames)
  func `whatever stands in a field, the answer is a report or a sentence`(name: String) throws {
    var random = SplitMix64(seed: 7)
    let root = try document(name)
    let leaves = numbers(of: root)
    let intruders: [Any] = [
      NSNull(), "text", [Any](), [1], [[]], [String: Any](), true, -1, 0, 0.5, 1, 2, 1e9, 1e30,
      -1e300, 1e300, 1e-30, 1e-45, 1e-307,
    ]
    for _ in 0..<100 {
      var changed = root
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        var path = leaves.randomElement(using: &random)!
        let intruder = intruders.randomElement(using: &random)!
        path.removeLast(Int.random(in: 0..<path.count, using: &random) / 2)
        changed = changing(changed, at: path) { _ in intruder }
      }
      do throws(GoldenError) {
        let report = try report(on: changed)
        #expect((report.status == .failed) == !report.failures.isEmpty)
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
  }

  private func report(on document: Any) throws(GoldenError) -> GoldenReport {
    let data = (try? JSONSerialization.data(withJSONObject: document)) ?? Data()
    return try GoldenFile(data: data).report(as: "changed")
  }

  private func document(_ name: String) throws -> Any {
    let path = "\(goldenDirectory)/\(name).json"
    return try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
  }
}

/// Whether a family does without a field of the first case: it says again what others say, or serves
/// other cases.
private func isUnused(_ field: String, in name: String) -> Bool {
  let fields: Set =
    switch name {
    case "dance_sde_step", "flow_grpo_zero_noise_step": ["T", "shift", "step_index"]
    case "flow_grpo_cps_step", "flow_grpo_sde_step": ["T", "shift", "timesteps"]
    case "flowfactory_dynamics": ["T", "step_index", "noise_level", "sde_steps"]
    case "flowfactory_advantage": ["group_size"]
    case "grpo_guard": ["T", "step_index", "v_old", "eps", "log_prob_old"]
    case "nft_loss": ["noise"]
    case "mixgrpo_step": ["T", "shift", "step_index"]
    case "branchgrpo_split_step": ["T", "shift", "step_index"]
    case "branchgrpo_tree_credit": ["T", "split_steps"]
    case "mixgrpo_rollout": ["post_compress_ratio"]
    case "awm_loss": ["x_t"]
    case "tempflow_branch_step", "tempflow_loss", "tempflow_noise_weights", "tempflow_rollout",
      "sigma_schedules", "grpo_clipped_loss":
      ["timesteps", "T", "shift", "mu", "step_index", "v_old", "eps", "sigma_max"]
    default: []
    }
  return fields.contains(field)
}

/// Whether the path leads to a number that the file claims, not to one it gives.
private func isOutput(_ path: [String], of name: String) -> Bool {
  guard path[0] == "cases" else { return false }
  let claims: Set = [
    "out", "trunk", "next", "reward", "nfe", "advantage_seed_group", "advantage_prompt_group",
    "step_std", "const_over_trained", "weight_mean1", "dlogprob_sum_dv", "peer", "intended",
    "decay", "node_depth", "num_model_evals", "window_start_and_len_per_iteration",
    "ode_tail_evals",
  ]
  return path.contains(where: claims.contains)
    || name == "g2rpo_granular_schedule" && path[2] == "sigmas"
    || name == "sigma_schedules" && ["sigmas", "timesteps"].contains(path[2])
    || ["grpo_advantages", "flowfactory_advantage"].contains(name) && path[2] == "advantages"
    || path.contains("replay") && ["mean", "log_prob"].contains(path[3])
}

/// The paths to all numbers of a JSON value.
private func numbers(of value: Any, at path: [String] = []) -> [[String]] {
  switch value {
  case let fields as [String: Any]:
    fields.keys.sorted().flatMap { numbers(of: fields[$0]!, at: path + [$0]) }
  case let entries as [Any]:
    entries.indices.flatMap { numbers(of: entries[$0], at: path + [String($0)]) }
  case is NSNumber: [path]
  default: []
  }
}

/// A JSON value with another value at a path; the same if nothing is there.
private func changing(_ value: Any, at path: [String], _ change: (Any) -> Any) -> Any {
  guard let key = path.first else { return change(value) }
  let rest = Array(path.dropFirst())
  if var fields = value as? [String: Any], let field = fields[key] {
    fields[key] = changing(field, at: rest, change)
    return fields
  }
  if var entries = value as? [Any], let place = Int(key), entries.indices.contains(place) {
    entries[place] = changing(entries[place], at: rest, change)
    return entries
  }
  return value
}
