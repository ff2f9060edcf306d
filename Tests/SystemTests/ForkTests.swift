import Foundation
import TestSupport
import Testing

/// `train --from RUN@VERSION`: a run of its own that begins where another one stood.
struct ForkTests {
  let folder: ScratchFolder
  let run: String
  let fork: String

  init() throws {
    folder = try ScratchFolder()
    (run, fork) = (folder.file("run"), folder.file("fork"))
    let trained = try DensityRun.train(
      run, updates: 4, in: folder, more: ["--set", "save.every=2"])
    #expect(trained.status == 0, "\(trained.errors)")
  }

  private func tributary(_ arguments: String...) throws -> Tributary.Outcome {
    try Tributary.run(arguments, in: folder)
  }

  @Test func `a fork has the settings and the averaged weights of its origin`() throws {
    let forked = try tributary(
      "train", "--from", "\(run)@2", "--run", fork, "--updates", "3", "--set", "loss.kl.beta=0.3",
      "--json")
    #expect(forked.status == 0, "\(forked.errors)")
    #expect(forked.errors.contains("forked from \(run)"), "\(forked.errors)")
    let inspected = try tributary("inspect", fork, "--json").json
    let origin = try #require(inspected["origin"] as? [String: Any])
    #expect(origin["version"] as? Int == 2 && origin["run"] as? String == run)
    let original = try tributary("inspect", run, "--json").json
    #expect(origin["run_id"] as? String == original["run_id"] as? String)
    let hashes = try #require(original["params_hash"] as? [String: String])
    #expect(origin["params_hash"] as? String == hashes["2"])
    // What evaluations of the one judge is what the other one begins with.
    let before = try tributary("eval", "\(run)/checkpoints/000002", "--json").json
    let after = try tributary("eval", fork, "--weights", "base", "--json").json
    #expect(before["soft"] as? Double == after["soft"] as? Double)
    let shown = try tributary("config", "show", fork, "--json").json
    #expect(shown["task.name"] as? String == "density" && shown["loss.kl.beta"] as? String == "0.3")

    // It stands on its own: replayed, resumed and forked again without its origin.
    try FileManager.default.removeItem(atPath: run)
    #expect(try tributary("replay", fork, "--verify").status == 0)
    #expect(try tributary("resume", fork, "--updates", "4").status == 0)
    let again = try tributary(
      "train", "--from", fork, "--run", folder.file("again"), "--updates", "1")
    #expect(again.status == 0 && again.output.contains("at version 4 are"), "\(again.errors)")
  }

  @Test func `what cannot be forked is said, and nothing is made`() throws {
    for (arguments, words) in [
      (["--from", "\(run)@3"], "no checkpoint of version 3; it keeps versions 0, 2, 4"),
      (["--from", "\(run)@best", "density"], "--from takes the settings of its run"),
      (["--from", folder.file("nobody")], "nobody"),
      (["--from", "\(run)@2", "--set", "model.depth=3"], "ema.safetensors"),
      (["--from", "@2"], "--from"),
    ] {
      let outcome = try Tributary.run(["train", "--run", fork] + arguments, in: folder)
      #expect(outcome.status == 64, "\(arguments): \(outcome.errors)")
      #expect(outcome.errors.contains(words), "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: fork))
    }
    let there = try tributary("train", "--from", "\(run)@2", "--run", run)
    #expect(there.status == 64 && there.errors.contains("tributary resume"), "\(there.errors)")
    let dry = try tributary("train", "--from", "\(run)@latest", "--run", fork, "--dry-run")
    #expect(dry.status == 0 && !FileManager.default.fileExists(atPath: fork), "\(dry.errors)")
  }
}
