package import Journal
package import Records

/// One finding of a walk through a journal, decoded as far as it can be.
package enum JournalEntry: Sendable {
  case header(RunHeader, JournalPlace)
  case unit(RecordedUnit, JournalPlace)
  case commit(Commit, JournalPlace)
  case voided(VoidedUnit, JournalPlace)
  /// A record whose checksums hold and whose bytes mean nothing here.
  case unreadable(String, JournalPlace)
  case damage(JournalDamage)
}

/// Where a record stands, and its bytes.
package struct JournalPlace: Sendable {
  package var path: String
  package var location: JournalLocation
  package var record: [UInt8]
  /// Of the record and its frame.
  package var byteCount: UInt64

  /// As errors name it.
  package var text: String { "\(path): byte \(location.offset)" }
}
