package import Journal
package import Learning

/// A unit in the journal that no update has used yet.
package struct DurableUnit: Sendable {
  package let unit: AdmittedUnit
  package let location: JournalLocation
  /// When it became durable; nil in an earlier life.
  package let since: ContinuousClock.Instant?

  package init(
    unit: AdmittedUnit, location: JournalLocation, since: ContinuousClock.Instant? = nil
  ) {
    self.unit = unit
    self.location = location
    self.since = since
  }
}
