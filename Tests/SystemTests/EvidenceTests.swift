import Foundation
import TestSupport
import Testing

/// What was measured: each output says where it is from, and the list of them is complete.
struct EvidenceTests {
  private static let folder = "\(repositoryRoot())/Tests/Evidence"

  private static let files: [String] =
    (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? [])
    .filter { $0.contains("/") && $0.contains(".") }.sorted()

  /// The file names in the first column; `*` stands for any characters.
  private func patterns() throws -> [String] {
    try String(contentsOfFile: "\(Self.folder)/README.md", encoding: .utf8)
      .split(separator: "\n").filter { $0.hasPrefix("| `") }
      .flatMap { line in line.split(separator: "|")[0].matches(of: /`([^`]+)`/).map { String($0.1) }
      }
  }

  @Test func `every output is in the list, and every entry has an output`() throws {
    let patterns = try patterns()
    #expect(!patterns.isEmpty && !Self.files.isEmpty)
    func isListed(_ file: String, by pattern: String) -> Bool { fnmatch(pattern, file, 0) == 0 }
    for file in Self.files {
      #expect(patterns.contains { isListed(file, by: $0) }, "\(file) is not listed")
    }
    for pattern in patterns {
      #expect(Self.files.contains { isListed($0, by: pattern) }, "\(pattern) has no file")
    }
  }

  @Test func `every text begins with where it is from and when it was made`() throws {
    for file in Self.files where file.hasSuffix(".txt") {
      let text = try String(contentsOfFile: "\(Self.folder)/\(file)", encoding: .utf8)
      let head = text.split(separator: "\n").prefix { $0.hasPrefix("# ") }
      #expect(head.contains { $0.hasPrefix("# command") }, "\(file)")
      #expect(head.contains { $0.contains(/20\d\d-\d\d-\d\d/) }, "\(file)")
    }
  }
}
