import Foundation
import Release
import TestSupport
import Testing

struct ReleaseTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  /// The first heading of the changelog that names a release.
  @Test func `the version is the newest of the changelog`() throws {
    let changelog = try String(contentsOfFile: "\(repositoryRoot())/CHANGELOG.md", encoding: .utf8)
    let newest = changelog.split(separator: "\n").first { $0.hasPrefix("## 0") }
    #expect(newest?.hasPrefix("## \(Release.version)") == true, "\(newest ?? "")")
  }

  @Test func `the program says its version and its commit`() throws {
    let outcome = try Tributary.run(["--version"], in: folder)
    #expect(outcome.status == 0)
    #expect(outcome.output == "\(Release.description)\n")
    if let commit = Release.commit {
      #expect(commit.prefix { $0.isHexDigit }.count >= 7, "\(commit)")
    }
  }

  /// In a copy without git, in a repository, and in an archive that git has made.
  @Test func `a build knows its commit where anybody can know it`() throws {
    func shell(_ command: String) throws -> String {
      let (status, text) = try outcome(
        of: "/bin/sh", ["-euc", command, repositoryRoot(), folder.path])
      try #require(status == 0, "\(command): \(text)")
      return text
    }
    let git = "git -c user.name=test -c user.email=test@localhost -c init.defaultBranch=main"
    let copy = try shell(
      """
      cd "$1" && mkdir -p copy/scripts/generators && cp "$0/scripts/generators/commit" copy/scripts/generators/
      printf 'scripts/generators/commit export-subst\\n' >copy/.gitattributes
      copy/scripts/generators/commit "$1/out" && cat out/Commit.swift
      """)
    #expect(copy == "let builtCommit: String? = nil\n")
    let cloned = try shell(
      """
      cd "$1/copy" && mkdir Sources && touch Package.swift Sources/a
      \(git) init -q && git add . && \(git) commit -qm one
      scripts/generators/commit "$1/out" && cat "$1/out/Commit.swift"
      git rev-parse --short HEAD
      git status --porcelain
      """
    ).split(separator: "\n").map(String.init)
    try #require(cloned.count == 2, "the repository stays clean: \(cloned)")
    #expect(cloned[0] == "let builtCommit: String? = \"\(cloned[1])\"")
    let changed = try shell(
      """
      cd "$1/copy" && echo more >Sources/a && scripts/generators/commit "$1/out" && cat "$1/out/Commit.swift"
      """)
    #expect(changed == "let builtCommit: String? = \"\(cloned[1]) with changes\"\n")
    let archived = try shell(
      """
      cd "$1/copy" && mkdir ../archive && git archive HEAD | tar -x -C ../archive
      ../archive/scripts/generators/commit "$1/out" && cat "$1/out/Commit.swift"
      """)
    #expect(archived == "let builtCommit: String? = \"\(cloned[1])\"\n")
  }
}
