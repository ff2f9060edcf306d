import Bytes
import Configuration
import Foundation
import TestSupport
import Testing
import Transport

/// What the README says and shows is what happens.
struct ReadmeTests {
  let folder: ScratchFolder
  let readme: String

  init() throws {
    folder = try ScratchFolder()
    readme = try String(contentsOfFile: "\(repositoryRoot())/README.md", encoding: .utf8)
  }

  @Test func `it has at most 130 lines`() {
    #expect(readme.split(separator: "\n", omittingEmptySubsequences: false).count <= 131)
  }

  @Test func `it counts presets and algorithms`() throws {
    #expect(readme.contains("\(RunConfiguration.presets.count) presets"))
    // TempFlow-GRPO's page lies outside of the folder.
    let others = try FileManager.default.contentsOfDirectory(
      atPath: "\(repositoryRoot())/Documentation/Algorithms")
    #expect(readme.contains("\(others.count) other algorithms"))
  }

  private func compare(_ output: String, with readme: String? = nil) throws -> Int32 {
    try folder.write(Data(output.utf8), to: "output")
    if let readme { try folder.write(Data(readme.utf8), to: "README.md") }
    return try ChildProcess(
      "/bin/bash",
      ["\(repositoryRoot())/scripts/install/readme", "--compare", folder.file("output")],
      environment: readme == nil ? [:] : ["README": folder.file("README.md")]
    ).wait().status
  }

  @Test func `the sample output is what the default run prints`() throws {
    let (status, output) = try outcome(of: Tributary.binary, ["train"], in: folder.path)
    #expect(status == 0)
    #expect(try compare(output) == 0, "README.md shows something else than:\n\(output)")
    // A digit that is another one is noticed, and so is a line too much.
    let first = try #require(output.range(of: "strict 0.417"))
    #expect(try compare(output.replacingCharacters(in: first, with: "strict 0.418")) == 1)
  }

  @Test func `times, ports and kernels of a sample may differ, numbers may not`() throws {
    let sample =
      "```text\n 1 0.5  0.37 s  (0.04, 0.00)\n…\nat tcp://127.0.0.1:41275, pid 7, on avx2\n```\n"
    func outcome(_ output: String) throws -> Int32 { try compare(output, with: sample) }
    #expect(
      try outcome(" 1 0.5 12.00 s (1.04, 9.00)\nmore\nat tcp://127.0.0.1:1275, pid 78, on avx512\n")
        == 0)
    #expect(
      try outcome(" 1 0.6 12.00 s (1.04, 9.00)\nmore\nat tcp://127.0.0.1:1275, pid 78, on avx512\n")
        == 1)
    #expect(try outcome(" 1 0.5 12.00 s (1.04, 9.00)\n") == 1)
  }
}
