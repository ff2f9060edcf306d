package import Learning
import Records

extension AdmittedUnit {
  /// A recorded unit as it waits for its update.
  ///
  /// - Throws: ``AdmissionError``, or what reading the journal throws.
  package init(_ recorded: RecordedUnit, recipe: Recipe) throws {
    self = try AdmittedUnit(
      payload: recorded.payload(), digest: recorded.digest, unit: recorded.unit, recipe: recipe
    ).journalled(recipe) { try recorded.payload() }
  }
}

extension LearnerCore {
  /// Runs a committed update again and compares everything its commit record says.
  ///
  /// - Throws: a `mismatch` that names the update and what differs.
  package func rerun(_ committed: History.Committed) throws -> Update.Report {
    let expected = committed.commit
    func mismatch(_ what: String) -> RunFailure {
      RunFailure(.mismatch, "update \(expected.update): \(what)")
    }
    guard expected.update == policy.version.rawValue else {
      throw mismatch("the journal continues here, the state is at \(policy.version)")
    }
    if let lost = committed.lacks {
      throw mismatch("it used \(lost), which is not recorded")
    }
    let units = try committed.units.map { recorded in
      do {
        return try AdmittedUnit(recorded, recipe: recipe)
      } catch let error as AdmissionError {
        throw mismatch("\(error) (journal \(recorded.location))")
      }
    }
    // What was committed is so; the hashes tell whether these are the numbers that led to it.
    let (commit, report) = try apply(units, epoch: expected.epoch)
    if commit.unitsDigest != expected.unitsDigest {
      throw mismatch("its units are not the ones that were committed")
    }
    if commit.paramsHash != expected.paramsHash {
      throw mismatch(
        "params_hash \(commit.paramsHash) after running it again, \(expected.paramsHash) committed")
    }
    if commit.stateHash != expected.stateHash {
      throw mismatch(
        "state_hash \(commit.stateHash) after running it again, \(expected.stateHash) committed")
    }
    return report
  }
}
