/// Which release of Tributary this is, and from which commit it was built.
package enum Release {
  /// The number at the top of CHANGELOG.md, where it is also said what a number promises.
  package static let version = "0.2.0"

  /// The commit, such as `97a51da`, followed by `with changes` where the sources differed from it;
  /// nil if the build did not know, as in a copy of the sources without git.
  package static var commit: String? { builtCommit }

  /// What `tributary --version` prints.
  package static var description: String {
    "\(version) (\(commit.map { "commit \($0)" } ?? "commit unknown"))"
  }
}
