package import Foundation

/// A golden file: `{name, parameters…, cases: [{inputs…, out: {…}}]}`, numbers alone.
///
/// The name chooses the family, and so the functions to be compared. A parameter of the file is a
/// field of every case that does not have its own.
package struct GoldenFile {
  package let name: String
  let cases: [GoldenValue]

  package init(contentsOf path: String) throws(GoldenError) {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw GoldenError("the file \(path) cannot be read")
    }
    try self.init(data: data)
  }

  package init(data: Data) throws(GoldenError) {
    guard let content = try? JSONSerialization.jsonObject(with: data) else {
      throw GoldenError("the file is not JSON")
    }
    let root = GoldenValue(content, at: "")
    name = try root["name"].text()
    var parameters = try root.fields()
    parameters["name"] = nil
    parameters["cases"] = nil
    var cases: [GoldenValue] = []
    for value in try root["cases"].list() {
      cases.append(
        GoldenValue(parameters.merging(try value.fields()) { $1 }, at: value.path))
    }
    self.cases = cases
  }

  /// Recomputes every case.
  ///
  /// - Parameter file: what the report calls the file.
  package func report(as file: String) -> GoldenReport {
    guard let family = goldenFamilies[name] else {
      return GoldenReport(
        file: file, cases: cases.count, comparisons: 0, worstDeviation: 0, status: .unsupported,
        failures: [])
    }
    var comparison = Comparison()
    var failures = cases.isEmpty ? ["the file has no cases"] : []
    for example in cases {
      do {
        try family.compare(example, in: &comparison)
      } catch {
        failures.append(error.description)
      }
    }
    failures += comparison.failures
    return GoldenReport(
      file: file, cases: cases.count, comparisons: comparison.count,
      worstDeviation: comparison.worst, status: failures.isEmpty ? .passed : .failed,
      failures: failures)
  }
}
