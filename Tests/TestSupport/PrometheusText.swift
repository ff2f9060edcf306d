/// A reader of Prometheus's text format that shares nothing with what writes it: strict, and as slow as it likes.
/// Source: the format's description, version 0.0.4.
package struct PrometheusText {
  package struct Family {
    package var type = ""
    package var help = ""
    /// By the name and the labels as they stand there.
    package var samples: [Sample] = []
  }

  package struct Sample: Equatable {
    package var name: String
    package var labels: [String: String]
    package var value: Double
  }

  package struct Fault: Error, CustomStringConvertible {
    package let description: String
  }

  package private(set) var families: [String: Family] = [:]

  /// The value of a number without labels, or with these.
  package func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    families.values.flatMap(\.samples).first { $0.name == name && $0.labels == labels }?.value
  }

  package init(_ text: String) throws {
    guard text.isEmpty || text.unicodeScalars.last == "\n" else {
      throw Fault(description: "the last line has no end")
    }
    var current = ""
    var seen: Set<String> = []
    for line in text.unicodeScalars.split(separator: "\n").map({ String($0) }) {
      if line.hasPrefix("# HELP ") || line.hasPrefix("# TYPE ") {
        let words = line.split(separator: " ", maxSplits: 3).map { String($0) }
        guard words.count == 4 else { throw Fault(description: "nothing behind the name: \(line)") }
        if words[1] == "HELP" {
          guard families[words[2]] == nil else { throw Fault(description: "twice: \(line)") }
          families[words[2]] = Family(help: words[3])
          current = words[2]
        } else {
          guard words[2] == current, families[current]?.type == "",
            ["counter", "gauge", "histogram", "summary"].contains(words[3])
          else { throw Fault(description: "a type out of its place: \(line)") }
          families[current]?.type = words[3]
        }
        continue
      }
      guard
        seen.insert(String(line.prefix(upTo: line.lastIndex(of: " ") ?? line.startIndex))).inserted
      else { throw Fault(description: "the same series twice: \(line)") }
      let sample = try Self.sample(line)
      let type = families[current]?.type ?? ""
      let endings =
        type == "histogram"
        ? ["_bucket", "_sum", "_count"] : type == "summary" ? ["", "_sum", "_count"] : [""]
      guard endings.contains(where: { sample.name == current + $0 }) else {
        throw Fault(description: "\(sample.name) stands under \(current)")
      }
      families[current]?.samples.append(sample)
    }
    for (name, family) in families { try Self.check(name, family) }
  }

  private static func check(_ name: String, _ family: Family) throws {
    guard !family.type.isEmpty, !family.samples.isEmpty else {
      throw Fault(description: "\(name) has no type or no number")
    }
    if family.type == "counter" {
      guard name.hasSuffix("_total"), family.samples.allSatisfy({ $0.value >= 0 }) else {
        throw Fault(description: "\(name) is no counter")
      }
    }
    guard family.type == "histogram" else { return }
    let buckets = family.samples.filter { $0.name == name + "_bucket" }
    let bounds = buckets.compactMap {
      $0.labels["le"].flatMap { $0 == "+Inf" ? .infinity : Double($0) }
    }
    let count = family.samples.first { $0.name == name + "_count" }?.value
    guard bounds == bounds.sorted(), bounds.last == .infinity, buckets.last?.value == count,
      buckets.map(\.value) == buckets.map(\.value).sorted()
    else { throw Fault(description: "\(name) is no histogram") }
  }

  private static func sample(_ line: String) throws -> Sample {
    var rest = line.unicodeScalars[...]
    func fault(_ reason: String) -> Fault { Fault(description: "\(reason): \(line)") }
    func name() throws -> String {
      let word = rest.prefix {
        $0.properties.isAlphabetic && $0.isASCII || $0 == "_" || ("0"..."9").contains($0)
      }
      guard let first = word.first, !("0"..."9").contains(first) else { throw fault("no name") }
      rest = rest.dropFirst(word.count)
      return String(word)
    }
    func take(_ scalar: Unicode.Scalar) -> Bool {
      guard rest.first == scalar else { return false }
      rest = rest.dropFirst()
      return true
    }
    var sample = Sample(name: try name(), labels: [:], value: 0)
    if take("{") {
      repeat {
        let label = try name()
        guard take("="), take("\"") else { throw fault("no value of \(label)") }
        var value = String.UnicodeScalarView()
        while let scalar = rest.popFirst(), scalar != "\"" {
          guard scalar == "\\" else {
            value.append(scalar)
            continue
          }
          switch rest.popFirst() {
          case "n": value.append("\n")
          case "\\": value.append("\\")
          case "\"": value.append("\"")
          default: throw fault("an unknown escape")
          }
        }
        guard sample.labels.updateValue(String(value), forKey: label) == nil else {
          throw fault("a label twice")
        }
      } while take(",")
      guard take("}") else { throw fault("labels without an end") }
    }
    guard take(" ") else { throw fault("no number") }
    let word = String(rest)
    let special = ["NaN": Double.nan, "+Inf": .infinity, "-Inf": -.infinity]
    guard let value = special[word] ?? Double(word), word.first != " " else {
      throw fault("no number")
    }
    sample.value = value
    return sample
  }
}
