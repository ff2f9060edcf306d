import Foundation
import Learning
import Ledger
import TestSupport
import Testing
import TinyRecipe

/// `latest` and `best`, and what copies make of them.
struct CheckpointNameTests {
  let folder: RunFolder
  private let place: ScratchFolder
  private let manager = FileManager.default

  init() throws {
    place = try ScratchFolder()
    folder = RunFolder(place.path)
    try folder.create()
    let core = try Tiny.core(Tiny.recipe(lag: 1))
    try Checkpoint.write(core, to: folder)
    _ = try core.advance(with: try Tiny.nextUnits(core), epoch: 1)
    try Checkpoint.write(core, to: folder)
    try Checkpoint.markBest(1, in: folder)
  }

  private var best: String { "\(folder.checkpoints)/best" }

  private func target() throws -> String {
    try manager.destinationOfSymbolicLink(atPath: best)
  }

  @Test func `a copied folder is read as its link, and gives way to one`() throws {
    try manager.removeItem(atPath: best)
    try manager.copyItem(atPath: Checkpoint.path(of: 1, in: folder), toPath: best)
    #expect(Checkpoint.best(in: folder) == 1)
    try Checkpoint.markBest(0, in: folder)
    #expect(try target() == "000000")
    #expect(try Checkpoint.versions(in: folder) == [0, 1])
  }

  @Test func `the only copy of a checkpoint gets its own name`() throws {
    try manager.removeItem(atPath: best)
    try manager.moveItem(atPath: Checkpoint.path(of: 1, in: folder), toPath: best)
    try Checkpoint.markBest(0, in: folder)
    #expect(try Checkpoint.versions(in: folder) == [0, 1])
  }

  @Test func `a folder of somebody's is set aside`() throws {
    try manager.removeItem(atPath: best)
    try manager.createDirectory(atPath: best, withIntermediateDirectories: false)
    try Data([1]).write(to: URL(fileURLWithPath: "\(best)/mine"))
    #expect(Checkpoint.best(in: folder) == nil)
    try Checkpoint.markBest(1, in: folder)
    #expect(try target() == "000001")
    #expect(manager.fileExists(atPath: "\(best).aside/mine"))
  }

  @Test(arguments: ["000001", "000001\n", "", "nonsense", "../000001", "99999999999999999999"])
  func `a file in a link's place says what the link said`(text: String) throws {
    try manager.removeItem(atPath: best)
    try Data(text.utf8).write(to: URL(fileURLWithPath: best))
    #expect(Checkpoint.best(in: folder) == (text.hasPrefix("000001") ? 1 : nil))
    try Checkpoint.markBest(1, in: folder)
    #expect(try target() == "000001")
  }

  @Test func `what a start finds is told apart`() throws {
    #expect(try folder.contents() == .run)
    try manager.removeItem(atPath: Checkpoint.path(of: 1, in: folder))
    #expect(try folder.contents() == .vacant, "a base alone is no run")
    try RunFolder.write(RunIdentity.draw(), to: folder.identity)
    #expect(try folder.contents() == .run)
    try manager.removeItem(atPath: folder.identity)
    for name in ["lock", "events.out.tfevents.1", "metrics.jsonl", ".hidden", "config.yaml.1f.tmp"]
    {
      try Data().write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))
      #expect(try folder.contents() == .vacant, "\(name)")
    }
    try manager.createDirectory(atPath: folder.prompts, withIntermediateDirectories: false)
    #expect(try folder.contents() == .vacant, "a start that was killed before it wrote run.json")
    try Data().write(to: URL(fileURLWithPath: "\(folder.path)/thesis.tex"))
    #expect(try folder.contents() == .foreign("thesis.tex"))
    #expect(
      try RunFolder("\(folder.path)/thesis.tex").contents() == .foreign("\(folder.path)/thesis.tex")
    )
    #expect(try RunFolder("\(folder.path)/none").contents() == .vacant)
  }
}
