import Flow
import Learning
import Ledger
import Network
import Records
import Tasks
import Testing
import TestSupport
import TinyRecipe
import Wire

/// What learner, actors and journals compare of a model: runs that were begun before stay resumable.
struct ModelHashTests {
  @Test func `the recorded run's hash is that of the model that it was made with`() throws {
    let folder = RunFolder("\(repositoryRoot())/Tests/Fixtures/run-1")
    let header = try #require(try CommittedUpdates.header(in: folder))
    var recipe = Tiny.recipe()
    recipe.task = Density()
    recipe.model = BuiltInModel(for: recipe.task, width: 16, depth: 1, heads: 1)
    #expect(header.modelHash == recipe.modelHash)
    recipe.model = BuiltInModel(for: recipe.task, width: 16, depth: 2, heads: 1)
    #expect(header.modelHash != recipe.modelHash)
  }

  @Test func `the identity is the architecture and the table of tensors, a line each`() {
    let recipe = Tiny.recipe()
    let network = recipe.network
    let lines = recipe.model.contract.identity.split(separator: "\n").map(String.init)
    #expect(
      lines.first == network.shape.description && lines.first == recipe.model.contract.architecture)
    #expect(
      lines.dropFirst()
        == network.table.entries.map { "\($0.name) \($0.rows)x\($0.columns) @\($0.offset)" }[...])
    #expect(recipe.modelHash == Digest(of: Array(lines.joined(separator: "\n").utf8)))
  }
}
