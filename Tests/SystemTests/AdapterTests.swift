import Foundation
import Learning
import Ledger
import Network
import Testing
import TestSupport

/// Whole runs of an adapter of the built-in network, and what becomes of it in other files.
@Suite(.serialized) struct AdapterTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  private static let keys = [
    "--set", "model.lora.rank=4", "--set", "model.lora.alpha=8", "--set", "eval.noises=1",
  ]

  @discardableResult
  private func train(_ run: String, actors: Int = 1, updates: Int = 3, _ more: [String] = []) throws
    -> Tributary.Outcome
  {
    let outcome = try DensityRun.train(
      folder.file(run), actors: actors, updates: updates, in: folder, more: Self.keys + more)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome
  }

  private func tributary(_ arguments: String...) throws -> Tributary.Outcome {
    try Tributary.run(arguments, in: folder)
  }

  /// A file of a run's checkpoint.
  private func tensors(_ path: String) throws -> SafeTensors {
    try SafeTensors(decoding: Array(try folder.read(path)))
  }

  private func bits(_ file: SafeTensors) -> [String: [UInt32]] {
    Dictionary(uniqueKeysWithValues: file.entries.map { ($0.name, $0.scalars.map(\.bitPattern)) })
  }

  @Test func `the hash depends on no number of actors, and a replay finds it`() throws {
    var hashes: Set<String> = []
    for actors in [1, 2, 4] {
      let run = "run-\(actors)"
      hashes.insert(try #require(try train(run, actors: actors).json["params_hash"] as? String))
      let replay = try tributary("replay", folder.file(run), "--verify", "--json")
      #expect(replay.status == 0, "\(replay.errors)")
      #expect(replay.json["verified"] as? Int == 3)
      #expect(hashes.contains(replay.json["params_hash"] as? String ?? ""))
    }
    #expect(hashes.count == 1)
    // The files of a checkpoint are those of the adapter; the base is there once.
    let weights = try tensors("run-1/checkpoints/000003/weights.safetensors")
    #expect(weights.entries.allSatisfy { $0.name.contains(".lora_") })
    let off = try tensors("run-1/checkpoints/000003/reference.safetensors")
    #expect(
      off.entries.allSatisfy { !$0.name.contains("lora_B") || $0.scalars.allSatisfy { $0 == 0 } })
    #expect(
      weights.entries.contains { $0.name.contains("lora_B") && $0.scalars.contains { $0 != 0 } })
  }

  @Test func `an actor without the base's file is sent it, and a run goes on without that file`()
    throws
  {
    let base = folder.file("base.safetensors")
    let made = try Tributary.run(
      ["pretrain", "density", "--steps", "3", "-o", base] + ["--set", "model.lora.rank=4"],
      in: folder)
    #expect(made.status == 0, "\(made.errors)")
    let first = try train("run", ["--set", "model.init=\(base)"])
    try FileManager.default.removeItem(atPath: base)
    let resumed = try tributary(
      "resume", folder.file("run"), "--updates", "4", "--actors", "2", "--json")
    #expect(resumed.status == 0, "\(resumed.errors)")
    let replay = try tributary("replay", folder.file("run"), "--verify", "--json")
    #expect(replay.json["params_hash"] as? String == resumed.json["params_hash"] as? String)
    #expect(first.json["params_hash"] as? String != resumed.json["params_hash"] as? String)
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folder.file("run/base.safetensors")))
    let damaged = try tributary("resume", folder.file("run"), "--updates", "5")
    #expect(
      damaged.status == 64 && damaged.errors.contains("base.safetensors"), "\(damaged.errors)")
  }

  @Test
  func `exported, imported and begun with again, it has the same bits, and the base as reference`()
    throws
  {
    try train("run")
    let exported = try tributary("export", folder.file("run"), "-o", folder.file("adapter"))
    #expect(exported.status == 0, "\(exported.errors)")
    let imported = try tributary(
      "import", folder.file("adapter"), "--for", folder.file("run"), "-o",
      folder.file("start.safetensors"))
    #expect(imported.status == 0, "\(imported.errors)")
    let average = bits(try tensors("run/checkpoints/000003/ema.safetensors"))
    #expect(bits(try tensors("start.safetensors")) == average)
    #expect(bits(try tensors("adapter/parameters.safetensors")) == average)
    var hashes: Set<String> = []
    for (name, start) in [
      ("of-folder", "adapter"), ("of-file", "start.safetensors"),
      ("of-export", "adapter/parameters.safetensors"),
    ] {
      let outcome = try train(
        name, updates: 1, ["--set", "model.lora.init=\(folder.file(start))"])
      hashes.insert(try #require(outcome.json["params_hash"] as? String))
      #expect(bits(try tensors("\(name)/checkpoints/000000/weights.safetensors")) == average)
      let off = try tensors("\(name)/checkpoints/000000/reference.safetensors")
      #expect(
        off.entries.allSatisfy { !$0.name.contains("lora_B") || $0.scalars.allSatisfy { $0 == 0 } })
      let replay = try tributary("replay", folder.file(name), "--verify")
      #expect(replay.status == 0, "\(replay.errors)")
    }
    #expect(hashes.count == 1)
    let fork = try Tributary.run(
      [
        "train", "--from", "\(folder.file("run"))@3", "--run", folder.file("fork"), "--actors", "1",
        "--updates", "1", "--json",
      ], in: folder)
    #expect(fork.status == 0, "\(fork.errors)")
    #expect(hashes.contains(fork.json["params_hash"] as? String ?? ""))
    for (more, words) in [
      (
        ["--set", "model.lora.alpha=4"],
        "has rank 4 and alpha 8.0, the run has rank 4 and alpha 4.0"
      ),
      (["--set", "model.lora.rank=2"], "has rank 4 and alpha 8.0, the run has rank 2"),
      (["--set", "model.lora.targets=qkv"], "is none of this model's adapter"),
      (
        ["--set", "model.lora.targets=qkv,attention_out,mlp_in,mlp_out,time.0"],
        "no tensor time.0.lora_A"
      ),
    ] {
      // A later value of a key would be a second one.
      let keys = stride(from: 0, to: Self.keys.count, by: 2).flatMap { index in
        more[1].hasPrefix(Self.keys[index + 1].prefix { $0 != "=" })
          ? [] : Array(Self.keys[index...index + 1])
      }
      let refused = try DensityRun.train(
        folder.file("refused"), updates: 1, in: folder,
        more: keys + more + ["--set", "model.lora.init=\(folder.file("adapter"))"])
      #expect(refused.status == 64 && refused.errors.contains(words), "\(refused.errors)")
      #expect(refused.errors.split(separator: "\n").count == 1)
    }
  }

  @Test func `merged, it evaluates to the same scores and starts a run of all weights`() throws {
    try train("run")
    let shipped = "\(repositoryRoot())/Sources/World/Tasks/Resources/density.safetensors"
    let merged = try tributary(
      "merge-adapter", folder.file("run"), "-o", folder.file("whole.safetensors"))
    #expect(merged.status == 0, "\(merged.errors)")
    _ = try tributary("export", folder.file("run"), "-o", folder.file("adapter"))
    let again = try tributary(
      "merge-adapter", folder.file("adapter"), "--base", shipped, "-o",
      folder.file("again.safetensors"))
    #expect(again.status == 0, "\(again.errors)")
    #expect(bits(try tensors("whole.safetensors")) == bits(try tensors("again.safetensors")))
    let own = try tributary("eval", folder.file("run"), "--json")
    let sum = try tributary("eval", folder.file("whole.safetensors"), "--json")
    #expect(own.status == 0 && sum.status == 0, "\(own.errors) \(sum.errors)")
    #expect(own.json["soft"] as? Double == sum.json["soft"] as? Double)
    #expect(own.json["soft"] as? Double != nil)
    let trained = try DensityRun.train(
      folder.file("from-sum"), updates: 1, in: folder,
      more: ["--set", "model.init=\(folder.file("whole.safetensors"))"])
    #expect(trained.status == 0, "\(trained.errors)")
    for (arguments, words) in [
      (["merge-adapter", folder.file("from-sum")], "is no run of an adapter"),
      (["merge-adapter", folder.file("adapter")], "name them: --base FILE"),
      (["merge-adapter", folder.file("run"), "--base", shipped], "--base belongs to"),
      (
        [
          "merge-adapter", folder.file("adapter"), "--base",
          "\(repositoryRoot())/Sources/World/Tasks/Resources/shapes.safetensors",
        ], "wants a weight of shape"
      ), (["import", folder.path], "is no folder with adapter_config.json"),
      (["import", folder.file("adapter"), "--for", "shapes"], "trains no adapter"),
    ] {
      let refused = try Tributary.run(
        arguments + ["-o", folder.file("nothing.safetensors")], in: folder)
      #expect(refused.status == 64 && refused.errors.contains(words), "\(refused.errors)")
      #expect(refused.errors.split(separator: "\n").count == 1, "\(refused.errors)")
    }
    let asBase = try DensityRun.train(
      folder.file("refused"), updates: 1, in: folder,
      more: Self.keys + ["--set", "model.init=\(folder.file("adapter"))"])
    #expect(asBase.status == 64 && asBase.errors.contains("model.lora.init"), "\(asBase.errors)")
  }
}
