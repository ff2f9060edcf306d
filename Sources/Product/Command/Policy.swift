import Configuration
import Flow
import Foundation
import Learning
import Ledger
import Network
import Records
import Tensor

/// Weights that a user names: a run folder, one of its checkpoints, or a safetensors file.
struct Policy {
  enum Weights: String, CaseIterable {
    case ema, train, base
  }

  var recipe: Recipe
  var weights: Buffer
  /// Where they come from, for the reader.
  var origin: String

  init(_ path: String, _ which: Weights) throws {
    let isFile = path.hasSuffix(".safetensors")
    self = try isFile ? Policy(file: path) : Policy(run: path, which)
  }

  /// A run folder, which stands for its newest checkpoint, or a checkpoint folder.
  private init(run path: String, _ which: Weights) throws {
    let isCheckpoint = FileManager.default.fileExists(atPath: "\(path)/state.json")
    let checkpoints = URL(fileURLWithPath: path).deletingLastPathComponent()
    let run = try OpenRun(
      existing: isCheckpoint ? checkpoints.deletingLastPathComponent().path : path)
    var folder = path
    if !isCheckpoint {
      guard let newest = try Checkpoint.versions(in: run.folder).last else {
        throw RunFailure(.usage, "\(path) has no checkpoint yet")
      }
      folder = Checkpoint.path(of: newest, in: run.folder)
    }
    let name =
      switch which {
      case .ema: "ema"
      case .train: "weights"
      case .base: "reference"
      }
    recipe = run.recipe
    origin = "\(folder)/\(name).safetensors"
    weights = try Checkpoint.parameters(in: origin, of: recipe.model)
  }

  /// A safetensors file that `pretrain` or a checkpoint wrote; its metadata names the task.
  private init(file path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw RunFailure(.usage, "there is no \(path)")
    }
    do {
      let file = try SafeTensors(decoding: Array(data))
      recipe = try RunConfiguration(named: file.metadata["task"] ?? "shapes").recipe()
      weights = try recipe.model.contract.parameters.parameters(from: file)
    } catch {
      throw RunFailure(.usage, "\(path): \(error)")
    }
    origin = path
  }
}
