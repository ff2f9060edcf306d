/// The language of prompts of the shape world.
///
///     prompt   = ["a photo of"] (counted | object [("and" | relation) object])
///     counted  = ("two" | "three" | "four") ("circles" | "squares" | "triangles")
///     object   = ["a" | "an"] [colour] shape
///     relation = "left of" | "right of" | "above" | "below"
///
/// Case does not matter. Two objects have different shapes; with "and" both or neither have a
/// colour, and the colours differ; with a relation neither has one.
package struct Grammar {
  private var rest: ArraySlice<String>

  /// The request of a text, or a sentence about the first word or phrase that does not fit.
  package static func request(parsing text: String) throws(PromptError) -> Request {
    var grammar = Grammar(
      rest: text.lowercased().split(whereSeparator: \.isWhitespace).map { String($0) }[...])
    return try grammar.request()
  }

  private mutating func request() throws(PromptError) -> Request {
    if rest.starts(with: ["a", "photo", "of"]) { rest = rest.dropFirst(3) }
    if let word = rest.first, let index = Request.countWords.firstIndex(of: word) {
      rest.removeFirst()
      let shape = try countedShape(after: word)
      return try finished(Request(.init(shape: shape), count: index + 2))
    }
    let first = try object()
    guard !rest.isEmpty else { return Request(first) }
    let relation = try link()
    let second = try object()
    guard first.shape != second.shape else {
      throw PromptError(
        "\"\(first.shape.word)\" is asked for twice; the two objects of a prompt have different "
          + "shapes, and \"two \(first.shape.plural)\" asks for a number of one shape")
    }
    if let relation {
      if let colour = first.colour ?? second.colour {
        throw PromptError(
          "\"\(colour.word)\" cannot be used with \"\(relation.phrase)\"; "
            + "objects with a relation have no colour")
      }
    } else {
      try check(first.colour, second.colour)
    }
    return try finished(Request(first, relation, second))
  }

  /// "and" as nil, or a relation.
  private mutating func link() throws(PromptError) -> Relation? {
    let word = rest.removeFirst()
    if word == "and" { return nil }
    guard let relation = Relation.allCases.first(where: { $0.word == word }) else {
      throw PromptError(
        "\"\(word)\" is not understood after an object; allowed are and, left of, right of, above "
          + "and below")
    }
    if relation.phrase != relation.word {
      guard rest.first == "of" else {
        throw PromptError("\"\(word)\" needs an \"of\" behind it, as in \"\(relation.phrase)\"")
      }
      rest.removeFirst()
    }
    return relation
  }

  private mutating func object() throws(PromptError) -> Request.Item {
    if let word = rest.first, word == "a" || word == "an" { rest.removeFirst() }
    let colour = rest.first.flatMap { word in Colour.allCases.first { $0.word == word } }
    if colour != nil { rest.removeFirst() }
    let shapes = "the shapes are circle, square and triangle"
    guard let word = rest.popFirst() else {
      throw PromptError("the prompt ends where an object is missing; \(shapes)")
    }
    guard let shape = Shape.allCases.first(where: { $0.word == word }) else {
      let colours = "the colours are red, green, blue, yellow and purple"
      throw PromptError(
        "\"\(word)\" is not understood as an object; "
          + (colour == nil ? "\(shapes), \(colours)" : shapes))
    }
    return Request.Item(shape: shape, colour: colour)
  }

  private mutating func countedShape(after count: String) throws(PromptError) -> Shape {
    let allowed = "a number is followed by circles, squares or triangles"
    guard let word = rest.popFirst() else {
      throw PromptError("the prompt ends after \"\(count)\"; \(allowed)")
    }
    guard let shape = Shape.allCases.first(where: { $0.plural == word }) else {
      throw PromptError("\"\(word)\" is not understood after \"\(count)\"; \(allowed)")
    }
    return shape
  }

  private func check(_ first: Colour?, _ second: Colour?) throws(PromptError) {
    guard let first, let second else {
      guard let only = first ?? second else { return }
      throw PromptError(
        "\"\(only.word)\" is the colour of one object only; either both objects have a colour or "
          + "neither")
    }
    guard first != second else {
      throw PromptError(
        "\"\(first.word)\" is asked for twice; the two objects of a prompt have different colours")
    }
  }

  private func finished(_ request: Request) throws(PromptError) -> Request {
    guard rest.isEmpty else {
      throw PromptError(
        "\"\(rest.joined(separator: " "))\" is too much; the prompt is complete with "
          + "\"\(request.text)\"")
    }
    return request
  }
}
