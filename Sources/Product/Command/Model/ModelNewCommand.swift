import ArgumentParser
import Bytes
import Configuration
import Dialogue
import Foundation
import Records

struct ModelNewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: "Write a small model of your own, a reward and a run to begin with.",
    discussion: """
      The model needs Python with torch and the package of Sources/Python:

        pip install './Sources/Python[torch]'

      Example:
        tributary model new mine
        cd mine
        tributary model check python3 model.py
        tributary train run.yaml
      """)

  @Argument(help: "A folder that does not exist, or is empty.")
  var folder: String

  func run() throws {
    let there = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    guard there.isEmpty else {
      throw RunFailure(.usage, "the folder \(folder) is not empty; name one that does not exist")
    }
    try OutputFolder.prepare(folder)
    for (name, content) in try ModelTemplate.files() {
      try AtomicFile.write(Array(content), to: "\(folder)/\(name)")
      Console.line("wrote \(folder)/\(name)")
    }
    Console.line(
      "next: cd \(folder); tributary model check python3 model.py; tributary train run.yaml")
  }
}
