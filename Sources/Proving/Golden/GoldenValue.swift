import Foundation

/// A place in a golden file: a JSON value and the path that leads to it, which every complaint
/// about the value names.
struct GoldenValue {
  /// Such as `cases[3].out.mean`; empty at the root.
  let path: String
  private let content: Any

  init(_ content: Any, at path: String) {
    self.content = content
    self.path = path
  }

  /// Whether the value is null: a number that is not finite, or one that the case has not.
  var isNull: Bool { content is NSNull }

  /// A field of an object.
  subscript(field: String) -> GoldenValue {
    get throws(GoldenError) {
      guard let value = try fields()[field] else {
        throw GoldenError("\(path.isEmpty ? "the file" : path) lacks the field \(field)")
      }
      return GoldenValue(value, at: path.isEmpty ? field : "\(path).\(field)")
    }
  }

  func has(_ field: String) -> Bool { (content as? [String: Any])?[field] != nil }

  func fields() throws(GoldenError) -> [String: Any] {
    guard let fields = content as? [String: Any] else { throw isNot("an object") }
    return fields
  }

  func list() throws(GoldenError) -> [GoldenValue] {
    guard let entries = content as? [Any] else { throw isNot("a list") }
    return entries.enumerated().map { GoldenValue($1, at: "\(path)[\($0)]") }
  }

  /// The number; NaN for null.
  func number() throws(GoldenError) -> Double {
    if isNull { return .nan }
    guard let number = content as? NSNumber else { throw isNot("a number") }
    return number.doubleValue
  }

  func number(in range: ClosedRange<Double>) throws(GoldenError) -> Double {
    let value = try number()
    guard range.contains(value) else { throw isNot("in \(range)") }
    return value
  }

  func integer(in range: ClosedRange<Int>) throws(GoldenError) -> Int {
    guard let value = Int(exactly: try number()), range.contains(value) else {
      throw isNot("a whole number in \(range)")
    }
    return value
  }

  func flag() throws(GoldenError) -> Bool {
    guard let flag = content as? Bool else { throw isNot("true or false") }
    return flag
  }

  func text() throws(GoldenError) -> String {
    guard let text = content as? String else { throw isNot("a string") }
    return text
  }

  /// `[count]`, at least one number.
  func numbers(_ count: Int? = nil) throws(GoldenError) -> [Double] {
    var numbers: [Double] = []
    for entry in try entries(count) { numbers.append(try entry.number()) }
    return numbers
  }

  /// `[count]`, at least one number.
  func floats(_ count: Int? = nil) throws(GoldenError) -> [Float] {
    try numbers(count).map { Float($0) }
  }

  /// `[rows][columns]`, at least one row, all of one length.
  func table(rows: Int? = nil, columns: Int? = nil) throws(GoldenError) -> [[Float]] {
    var table: [[Float]] = []
    for row in try entries(rows) {
      table.append(try row.floats(columns ?? table.first?.count))
    }
    return table
  }

  /// The entries of a list that is not empty and, if wanted, has so many of them.
  func entries(_ count: Int?) throws(GoldenError) -> [GoldenValue] {
    let entries = try list()
    if entries.isEmpty { throw GoldenError("\(path) is empty") }
    if let count, entries.count != count {
      throw GoldenError("\(path) has \(entries.count) entries where \(count) are expected")
    }
    return entries
  }

  func isNot(_ expectation: String) -> GoldenError {
    GoldenError("\(path.isEmpty ? "the file" : path) is not \(expectation)")
  }
}
