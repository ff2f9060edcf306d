extension String {
  /// As one word of a POSIX shell: itself where nothing in it means anything there, else in quotes.
  package var shellWord: String {
    let plain = "_@%+=:,./-".unicodeScalars
    let isPlain = unicodeScalars.allSatisfy {
      $0.properties.isAlphabetic || ("0"..."9").contains($0) || plain.contains($0)
    }
    if isPlain, !isEmpty { return self }
    // A quote ends the quotation, stands alone behind a backslash, and begins it anew. By scalars: a
    // quote with an accent is one character, and still a quote to the shell.
    return "'" + unicodeScalars.map { $0 == "'" ? #"'\''"# : String($0) }.joined() + "'"
  }
}
