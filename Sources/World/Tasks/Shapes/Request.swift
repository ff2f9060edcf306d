package import Records

/// What a prompt of the shape world asks for.
package struct Request: Hashable, Sendable {
  /// One kind of object; a nil colour is free.
  package struct Item: Hashable, Sendable {
    package var shape: Shape
    package var colour: Colour?
  }

  package var first: Item
  /// How many of the first, 1...4; more than one only without a second.
  package var count = 1
  /// Where the first stands, seen from the second; nil is "and".
  package var relation: Relation?
  package var second: Item?

  init(_ first: Item, count: Int = 1, _ relation: Relation? = nil, _ second: Item? = nil) {
    self.first = first
    self.count = count
    self.relation = relation
    self.second = second
  }

  package var category: Category {
    if count > 1 { return .counting }
    guard second != nil else { return first.colour == nil ? .singleObject : .colors }
    if relation != nil { return .position }
    return first.colour == nil ? .twoObject : .colorAttribution
  }

  /// Every object asked for, one entry each.
  package var items: [Item] {
    Array(repeating: first, count: count) + (second.map { [$0] } ?? [])
  }

  /// The number of entries of ``items``.
  var total: Int { count + (second == nil ? 0 : 1) }

  /// The one way this request is written, such as "a photo of a red square".
  package var text: String {
    if count > 1 { return "a photo of \(Self.countWords[count - 2]) \(first.shape.plural)" }
    guard let second else { return "a photo of \(first.phrase)" }
    return "a photo of \(first.phrase) \(relation?.phrase ?? "and") \(second.phrase)"
  }

  /// The words of ``text`` that carry meaning: no "a photo of", no articles.
  var words: [String] {
    if count > 1 { return [Self.countWords[count - 2], first.shape.plural] }
    guard let second else { return first.words }
    return first.words + [relation?.word ?? "and"] + second.words
  }

  package var prompt: Prompt { Prompt(text: text, category: category.rawValue) }

  /// The words for 2, 3 and 4.
  static let countWords = ["two", "three", "four"]
}

extension Request.Item {
  var words: [String] { (colour.map { [$0.word] } ?? []) + [shape.word] }
  var phrase: String { "a " + words.joined(separator: " ") }
}

/// The six categories of GenEval.
package enum Category: String, CaseIterable, Sendable {
  case singleObject = "single_object"
  case twoObject = "two_object"
  case counting
  case colors
  case position
  case colorAttribution = "color_attr"
}
