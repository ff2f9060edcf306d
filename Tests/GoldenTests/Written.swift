import Foundation

import Golden

/// The report on a file of one case that a test wrote itself; NaN stands for null.
func report(on name: String, _ fields: [String: Any]) throws -> GoldenReport {
  let root: [String: Any] = ["name": name, "cases": [written(fields)]]
  return try GoldenFile(data: JSONSerialization.data(withJSONObject: root)).report(as: name)
}

private func written(_ value: Any) -> Any {
  switch value {
  case let fields as [String: Any]: fields.mapValues(written)
  case let entries as [Any]: entries.map(written)
  case let number as Double where !number.isFinite: NSNull()
  default: value
  }
}
