/// Numbers in the text format that Prometheus reads, version 0.0.4.
package struct Exposition: Sendable {
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  package private(set) var text = ""

  package init() {}

  /// A number without labels; none where it is not known.
  package mutating func add(_ metric: ServedMetric, _ value: Double?) {
    guard let value else { return }
    begin(metric)
    line(metric.name, [], value)
  }

  /// A number for each value of the metric's labels.
  package mutating func add(_ metric: ServedMetric, _ samples: [(labels: [String], value: Double)])
  {
    if samples.isEmpty { return }
    begin(metric)
    for sample in samples {
      line(metric.name, Array(zip(metric.labels, sample.labels)), sample.value)
    }
  }

  /// A sum and a count, with the quantiles that are known.
  package mutating func add(
    summary metric: ServedMetric, quantiles: [(String, Double)] = [], sum: Double, count: Double
  ) {
    begin(metric)
    for (quantile, value) in quantiles { line(metric.name, [("quantile", quantile)], value) }
    line(metric.name + "_sum", [], sum)
    line(metric.name + "_count", [], count)
  }

  /// - Parameter counts: of each bound, and one more above them all; not yet summed up.
  package mutating func add(
    histogram metric: ServedMetric, bounds: [Double], counts: [Int], sum: Double
  ) {
    begin(metric)
    var below = 0
    for (bound, count) in zip(bounds + [.infinity], counts) {
      below += count
      line(metric.name + "_bucket", [("le", Self.number(bound))], Double(below))
    }
    line(metric.name + "_sum", [], sum)
    line(metric.name + "_count", [], Double(below))
  }

  private mutating func begin(_ metric: ServedMetric) {
    text += "# HELP \(metric.name) \(Self.escaped(metric.meaning, quote: false))\n"
    text += "# TYPE \(metric.name) \(metric.kind.rawValue)\n"
  }

  private mutating func line(_ name: String, _ labels: [(String, String)], _ value: Double) {
    let list = labels.map { "\($0)=\"\(Self.escaped($1, quote: true))\"" }.joined(separator: ",")
    text += name + (list.isEmpty ? "" : "{\(list)}") + " \(Self.number(value))\n"
  }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
  }

  /// Scalar by scalar: to Swift a line break behind a carriage return is none of its own.
  private static func escaped(_ text: String, quote: Bool) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      case "\"" where quote: result.append(contentsOf: "\\\"".unicodeScalars)
      default: result.append(scalar)
      }
    }
    return String(result)
  }
}
