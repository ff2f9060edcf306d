import Configuration
import Foundation
import Records
import Testing
import TestSupport

/// The pages that people read: their links, their claims, and that a forge can show them.
struct PagesTests {
  static let folder = "Documentation"

  /// Every Markdown file that people read, relative to the repository.
  static let pages: [String] = {
    let root = repositoryRoot()
    let files = FileManager.default.enumerator(atPath: "\(root)/\(folder)")?.compactMap {
      ($0 as? String).map { "\(folder)/\($0)" }
    }
    return ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
      + (files ?? []).filter { $0.hasSuffix(".md") }.sorted()
  }()

  static func text(_ page: String) throws -> String {
    try String(contentsOfFile: "\(repositoryRoot())/\(page)", encoding: .utf8)
  }

  /// What a page says outside of its blocks of code.
  static func prose(_ page: String) throws -> String {
    var isCode = false
    return try text(page).split(separator: "\n", omittingEmptySubsequences: false).filter { line in
      if line.hasPrefix("```") { isCode.toggle() }
      return !isCode && !line.hasPrefix("```")
    }.joined(separator: "\n")
  }

  /// The anchor that a forge gives a heading.
  static func anchor(_ heading: Substring) -> String {
    String(
      heading.lowercased().compactMap { character in
        character == " "
          ? "-"
          : character.isLetter || character.isNumber || character == "-" || character == "_"
            ? character : nil
      })
  }

  /// A heading's section, by its anchor: to the next heading that is not below it.
  static func section(_ wanted: String, of page: String) throws -> String? {
    var level: Int?
    var lines: [Substring] = []
    for line in try text(page).split(separator: "\n", omittingEmptySubsequences: false) {
      let depth = line.prefix { $0 == "#" }.count
      if depth > 0, line.dropFirst(depth).first == " " {
        if let level, depth <= level { break }
        if level == nil, anchor(line.dropFirst(depth + 1)) == wanted { level = depth }
      }
      if level != nil { lines.append(line) }
    }
    return level == nil ? nil : lines.joined(separator: "\n")
  }

  struct Link: Hashable {
    var target: String
    var anchor: String?
  }

  /// Links to other files of the repository and into them, resolved.
  static func links(of page: String) throws -> [Link] {
    try prose(page).matches(of: /\]\(([^)\s]+)\)/).compactMap { match in
      let link = match.1
      if link.contains("://") || link.hasPrefix("mailto:") { return nil }
      let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
      // A folder deep enough that a link out of the repository does not end at its root by chance.
      let root = "/the/way/to/it/"
      let folder = URL(fileURLWithPath: root + page).deletingLastPathComponent()
      let path = folder.appendingPathComponent(String(parts[0])).standardizedFileURL.path
      let target =
        parts[0].isEmpty ? page : path.hasPrefix(root) ? String(path.dropFirst(root.count)) : path
      return Link(target: target, anchor: parts.count > 1 ? String(parts[1]) : nil)
    }
  }

  @Test(arguments: pages) func `every link leads somewhere`(page: String) throws {
    for link in try Self.links(of: page) {
      let path = "\(repositoryRoot())/\(link.target)"
      #expect(FileManager.default.fileExists(atPath: path), "\(page) links \(link.target)")
      if let anchor = link.anchor {
        #expect(
          try Self.section(anchor, of: link.target) != nil, "\(page) links \(link.target)#\(anchor)"
        )
      }
    }
  }

  @Test(arguments: pages) func `a forge can show it`(page: String) throws {
    let prose = try Self.prose(page)
    #expect(!prose.contains("<doc:"), "only DocC follows such links")
    #expect(!prose.contains("``"), "only DocC follows such symbols")
  }

  @Test func `every page of the catalogue can be reached from its first one`() throws {
    var reached: Set<String> = []
    var open = ["\(Self.folder)/Tributary.md"]
    while let page = open.popLast() {
      guard reached.insert(page).inserted else { continue }
      open += try Self.links(of: page).map(\.target).filter { $0.hasSuffix(".md") }
    }
    let unreached = Self.pages.filter { $0.hasPrefix(Self.folder) && !reached.contains($0) }
    #expect(unreached.isEmpty)
  }

  /// Each claim with an output names its command, its day, its machine and its commit.
  @Test func `evidence says where it comes from`() throws {
    let claims = try ["README.md", "\(Self.folder)/Figures.md", "\(Self.folder)/FamilyResults.md"]
      .flatMap(Self.links).map(\.target).filter { $0.hasSuffix(".txt") }
    #expect(claims.count > 20)
    for file in Set(claims) {
      let output = try Self.text(file)
      for field in ["# command", "# date", "# machine", "# commit"] {
        #expect(output.contains(field), "\(file) has no line \(field)")
      }
    }
  }

  /// From the README to the list of questions, and from there to the answer: two clicks.
  @Test func `what readers ask is answered within two clicks`() throws {
    let list = "\(Self.folder)/Questions.md"
    #expect(try Self.links(of: "README.md").contains { $0.target == list })
    let rows = try Self.prose(list).split(separator: "\n").compactMap {
      $0.wholeMatch(of: /\| (.+\?) \| `(.+)` \| \[.+\]\(.+\) \|/)
    }
    #expect(rows.count >= 11)
    // The rows hold the page's only links, in this order.
    let links = try Self.links(of: list)
    try #require(rows.count == links.count)
    for (row, link) in zip(rows, links) {
      let answer =
        try link.anchor.map { try Self.section($0, of: link.target) } ?? Self.text(link.target)
      #expect(
        answer?.contains(row.2) == true,
        "\"How do I \(row.1)\": \(link.target) does not have \(row.2)")
    }
  }

  @Test func `the table of exit codes is the program's`() throws {
    let listed = try Self.prose("\(Self.folder)/ExitCodes.md").split(separator: "\n")
      .compactMap { $0.prefixMatch(of: /\| (\d+) \|/).flatMap { Int32($0.1) } }
    #expect(listed == [0] + RunFailure.Code.allCases.map(\.rawValue))
    let help = try Tributary.run(["--help"], in: ScratchFolder()).output
    #expect(help.contains("\(Self.folder)/ExitCodes.md"), "\(help)")
    let named = Set(help.split { !$0.isNumber }.compactMap { Int32($0) })
    #expect(named.isSuperset(of: listed), "\(help)")
  }

  @Test func `the first keys exist and have these defaults`() throws {
    let rows = try Self.prose("\(Self.folder)/FirstKeys.md").split(separator: "\n")
      .compactMap { $0.prefixMatch(of: /\| `([a-z_.]+)` \| `(.+?)` \|/) }
    #expect(rows.count == 5)
    let defaults = Dictionary(
      RunConfiguration().settings.map { ($0.path, $0.value) }, uniquingKeysWith: { $1 })
    for row in rows { #expect(defaults[String(row.1)] == String(row.2), "\(row.1)") }
  }

  @Test func `the manifest, the folders and the README's picture are one thing`() throws {
    let root = repositoryRoot()
    let manifest = try Self.text("Package.swift")
    let table = try #require(manifest.firstRange(of: "let house = ["))
    let end = try #require(manifest.firstRange(of: "\n]\n"))
    var house: [(folder: String, modules: [String])] = []
    for line in manifest[table.upperBound..<end.lowerBound].split(separator: "\n") {
      let names = line.matches(of: /\bname: "(\w+)"/).map { String($0.1) }
      if line.hasPrefix("    name:") {
        house.append((names[0], []))
      } else if line.hasPrefix("    programs:") {
        house[house.count - 1].modules += line.matches(of: /"(\w+)"/).map { String($0.1) }
      } else if let name = names.first, !line.contains(".product") {
        house[house.count - 1].modules.append(name)
      }
    }
    let picture = try Self.text("README.md").split(separator: "\n")
      .drop { !$0.hasPrefix("Sources/") }.dropFirst().prefix { $0 != "```" }
      .map { line in
        let words = line.split(separator: #/ {2,}/#)
        return "\(words[0]): \(words[1])"
      }
    #expect(picture == house.map { "\($0.folder): \($0.modules.joined(separator: " "))" })
    let folders = try FileManager.default.contentsOfDirectory(atPath: "\(root)/Sources").sorted()
      .filter { $0 != "Python" }
    #expect(folders == house.map(\.folder).sorted())
    for (folder, modules) in house where modules != [folder] {
      let found = try FileManager.default.contentsOfDirectory(atPath: "\(root)/Sources/\(folder)")
        .filter { module in
          let files = FileManager.default.enumerator(atPath: "\(root)/Sources/\(folder)/\(module)")
          return files?.contains { ($0 as? String)?.hasSuffix(".swift") == true } == true
        }
      #expect(found.sorted() == modules.sorted(), "\(folder)")
    }
  }
}
