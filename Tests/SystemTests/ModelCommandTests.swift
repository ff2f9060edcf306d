import Foundation
import Testing
import TestSupport

/// `tributary model`, as far as it needs no Python; scripts/test-models does the rest.
struct ModelCommandTests {
  @Test func `a model is begun in an empty folder alone`() throws {
    let folder = try ScratchFolder()
    let made = try Tributary.run(["model", "new", folder.file("mine")], in: folder)
    #expect(made.status == 0, "\(made.errors)")
    #expect(FileManager.default.fileExists(atPath: folder.file("mine/model.py")))
    let again = try Tributary.run(["model", "new", folder.file("mine")], in: folder)
    #expect(again.status == 64 && again.errors.contains("is not empty"), "\(again.errors)")
  }

  @Test(arguments: [
    (["check", "nobody.sh"], 64, "no program"), (["describe", "density"], 64, "built-in network"),
    (["check"], 64, "name a program"), (["describe", "density", "--json"], 64, "stand before"),
    (["check", "true"], 4, "ended"),
  ])
  func `what is no model is refused`(arguments: [String], status: Int32, words: String) throws {
    let folder = try ScratchFolder()
    let outcome = try Tributary.run(["model"] + arguments, in: folder)
    #expect(outcome.status == status && outcome.errors.contains(words), "\(outcome.errors)")
  }

  @Test func `what a program that fails wrote last stands below the sentence, a line each`() throws
  {
    let folder = try ScratchFolder()
    let script = folder.file("model.sh")
    try "echo one >&2; printf 'two\\033[31m' >&2; exit 3".write(
      toFile: script, atomically: true, encoding: .utf8)
    for command in [["model", "check"], ["model", "describe"]] {
      let outcome = try Tributary.run(command + ["/bin/sh", script], in: folder)
      let lines = outcome.errors.split(separator: "\n").map(String.init)
      #expect(lines.count == 3 && lines[0].hasPrefix("tributary: "), "\(outcome.errors)")
      #expect(lines.dropFirst() == ["  1: one", "  2: two\\u{1b}[31m"], "\(outcome.errors)")
    }
  }
}
