import Tasks
import Configuration
import Foundation
import TestSupport
import Testing

/// What `tributary model new` writes.
struct ModelTemplateTests {
  @Test func `the template is whole, and its run is one that a user could have written`() throws {
    let files = try ModelTemplate.files()
    #expect(
      files.map(\.name) == ["README.md", "model.py", "prompts.txt", "reward.py", "run.yaml"])
    let run = try #require(files.first { $0.name == "run.yaml" }?.content)
    var configuration = RunConfiguration()
    try configuration.merge(yaml: String(decoding: run, as: UTF8.self), file: "run.yaml")
    #expect(configuration.model.program == "python3 model.py" && configuration.task == .prompts)
    #expect(configuration.trainPrompts == .file("prompts.txt"))
  }
}
