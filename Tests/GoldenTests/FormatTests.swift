import Foundation
import Testing

import Golden

struct FormatTests {
  @Test func `an unknown name is unsupported and compares nothing`() throws {
    let report = try run(#"{"name": "some_other_step", "cases": [{"x": 1}]}"#)
    #expect(report.status == .unsupported)
    #expect(report.cases == 1 && report.comparisons == 0 && report.failures.isEmpty)
  }

  @Test func `a file without cases fails`() throws {
    #expect(try run(#"{"name": "ema", "cases": []}"#).failures == ["the file has no cases"])
  }

  @Test(arguments: [
    ("not json", "the file is not JSON"), ("", "the file is not JSON"),
    ("[1]", "the file is not an object"), (#"{"cases": []}"#, "the file lacks the field name"),
    (#"{"name": "ema"}"#, "the file lacks the field cases"),
    (#"{"name": 3, "cases": []}"#, "name is not a string"),
    (#"{"name": "ema", "cases": [4]}"#, "cases[0] is not an object"),
  ])
  func `a malformed file is refused with a sentence`(text: String, sentence: String) {
    #expect(throws: GoldenError(sentence)) { try run(text) }
  }

  @Test(arguments: [
    (#""kind": "sd3_scheduler", "T": 0, "shift": 3"#, "T is not a whole number in 1...1000"),
    (#""kind": "sd3_scheduler", "T": 2, "shift": -1"#, "shift is not in 0.01...100.0"),
    (#""kind": "circular", "T": 2, "shift": 3"#, "kind is not a known schedule"),
    (
      #""kind": "linspace_shift", "T": 2, "shift": 1, "sigmas": [1, 0]"#,
      "sigmas has 2 entries where 3 are expected"
    ),
    (#""kind": "linspace_shift", "T": 1, "shift": 1, "sigmas": 1"#, "sigmas is not a list"),
    (
      #""kind": "linspace_shift", "T": 1, "shift": 1, "sigmas": [1, "0"]"#,
      "sigmas[1] is not a number"
    ),
  ])
  func `a malformed case fails with its field`(fields: String, sentence: String) throws {
    let report = try run(#"{"name": "sigma_schedules", "cases": [{\#(fields)}]}"#)
    #expect(report.failures == ["cases[0]." + sentence])
  }

  @Test func `null stands for what is not finite, and for nothing else`() throws {
    func file(_ logDensity: String) -> String {
      """
      {"name": "tempflow_branch_step", "branches": 1, "deterministic": false, "sigma": 0.5,
       "sigma_next": 0.25, "sigma_index1": 0.5, "x": [[1, 2]], "v": [[4, 8]], "eps": [[1, 1]],
       "cases": [{"noise_level": 0, "out": {
         "x_next": [[0, 0]], "mean": [[0, 0]], "std": [0], "log_prob": [\(logDensity)]}}]}
      """
    }
    let report = try run(file("null"))
    #expect(report.status == .passed, "\(report.failures)")
    #expect(try run(file("0")).worstDeviation == .infinity)
  }

  @Test(arguments: [
    (#""dynamics": "SDE""#, "dynamics is not Flow-SDE, Dance-SDE, CPS or ODE"),
    (
      #""effective_noise_level": [1, 1]"#,
      "effective_noise_level has 2 entries where 1 are expected"
    ),
    (
      #""dynamics": "CPS", "effective_noise_level": [1e7]"#,
      "effective_noise_level[0] is not in 0.0...1000.0"
    ),
    (#""dynamics": "Dance-SDE", "effective_noise_level": [0.3]"#, "eps is not a list"),
    (#""sigma": 1.5"#, "sigma is not in 0.0...1.0"),
    (#""v": [[1, 2]]"#, "v[0] has 2 entries where 3 are expected"),
    (#""latents_stored_bf16": 2"#, "latents_stored_bf16 is not true or false"),
  ])
  func `a malformed step fails with its field`(fields: String, sentence: String) throws {
    let report = try run(Self.rounded(fields, next: "[1, 1.015625, -1]"))
    #expect(report.failures == ["cases[0]." + sentence])
  }

  @Test func `a peer's bfloat16 is the nearest, ties to even`() throws {
    let report = try run(Self.rounded(#""T": 1"#, next: "[1, 1.015625, -1]"))
    #expect(report.status == .passed && report.comparisons == 13, "\(report.failures)")
    #expect(try run(Self.rounded(#""T": 1"#, next: "[1, 1.0078125, -1]")).status == .failed)
    let kept = #""latents_stored_bf16": false"#
    #expect(try run(Self.rounded(kept, next: "[1, 1.015625, -1]")).status == .failed)
  }

  /// A step of the ODE that stands still: 1 + 2⁻⁸ and 1 + 3·2⁻⁸ lie between two numbers of bfloat16,
  /// −1 − 2⁻⁹ is nearer to −1.
  private static func rounded(_ fields: String, next: String) -> String {
    """
    {"name": "flowfactory_dynamics", "dynamics": "ODE", "effective_noise_level": [0],
     "latents_stored_bf16": true, "sigma": 0.5, "sigma_next": 0.25, "sigma_max": 0.5,
     "x": [[1.00390625, 1.01171875, -1.001953125]], "v": [[0, 0, 0]], "eps": null,
     "out": {"x_next": [\(next)], "mean": [\(next)], "std_dev_t": 0, "dt": -0.25, "log_prob": [0]},
     "replay": {"v": [[1, 2, 3]], "log_prob": [0], "dlogprob_sum_dv": [[0, 0, 0]]},
     "cases": [{\(fields)}]}
    """
  }

  @Test func `where both rules lose their noise, only the bare log-density is a number`() throws {
    func file(_ rule: String, _ logDensity: String) -> String {
      """
      {"name": "flow_grpo_zero_noise_step", "sde_type": "\(rule)", "noise_level": 0, "sigma": 1,
       "sigma_next": 0.75, "x": [[1, 2]], "v": [[4, 8]], "eps": [[1, 1]],
       "cases": [{"out": {"x_next": [[0, 0]], "mean": [[0, 0]], "log_prob": [\(logDensity)]}}]}
      """
    }
    #expect(try run(file("sde", "null")).status == .passed)
    #expect(try run(file("sde", "0")).worstDeviation == .infinity)
    #expect(try run(file("cps", "0")).status == .passed)
    #expect(try run(file("cps", "null")).worstDeviation == .infinity)
    #expect(try run(file("ode", "0")).failures == ["cases[0].sde_type is not sde or cps"])
  }

  @Test func `a parameter of the file serves every case that lacks it`() throws {
    let text = """
      {"name": "sigma_schedules", "kind": "linspace_shift", "T": 2, "shift": 1,
       "cases": [{"sigmas": [1, 0.5, 0]}, {"shift": 3, "sigmas": [1, 0.75, 0]}]}
      """
    #expect(try run(text).status == .passed)
  }

  @Test func `a folder reports its broken files beside the others`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(throws: GoldenError.self) { try GoldenSuite.run(directory: folder.path) }
    #expect(throws: GoldenError.self) { try GoldenSuite.run(directory: folder.path + "/none") }
    try Data("{".utf8).write(to: folder.appendingPathComponent("b.json"))
    try Data("ignored".utf8).write(to: folder.appendingPathComponent("README.md"))
    try FileManager.default.copyItem(
      atPath: goldenDirectory + "/ema.json", toPath: folder.path + "/a.json")
    let reports = try GoldenSuite.run(directory: folder.path)
    #expect(reports.map(\.file) == ["a.json", "b.json"])
    #expect(reports.map(\.status) == [.passed, .failed])
    #expect(reports[1].failures == ["the file is not JSON"])
  }

  @discardableResult
  private func run(_ text: String) throws -> GoldenReport {
    try GoldenFile(data: Data(text.utf8)).report(as: "text")
  }
}
