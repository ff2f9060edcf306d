extension String {
  /// As one word of a POSIX shell: itself where nothing in it means anything there, else in quotes.
  package var shellWord: String {
    let isPlain =
      !isEmpty
      && unicodeScalars.allSatisfy {
        $0.properties.isAlphabetic || ("0"..."9").contains($0) || "_@%+=:,./-".unicodeScalars.contains($0)
      }
    return isPlain ? self : "'\(split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
  }
}
