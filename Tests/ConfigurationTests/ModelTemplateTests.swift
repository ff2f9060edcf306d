import Configuration
import Foundation
import TestSupport
import Testing

/// What `tributary model new` writes.
struct ModelTemplateTests {
  @Test func `its model is the template of the Python package`() throws {
    let files = try ModelTemplate.files()
    #expect(
      files.map(\.name) == ["README.md", "model.py", "prompts.txt", "reward.py", "run.yaml"])
    let model = files.first { $0.name == "model.py" }?.content
    let template = "\(repositoryRoot())/Sources/Python/tributary/template.py"
    #expect(model == FileManager.default.contents(atPath: template))
  }
}
