import Records
import Tasks
import Testing

struct GrammarTests {
  let shapes = Shapes()

  @Test func `prompt lists have their sizes`() {
    let train = Dictionary(grouping: shapes.trainPrompts, by: \.category).mapValues(\.count)
    #expect(
      train == [
        "single_object": 3, "two_object": 4, "counting": 7, "colors": 12, "position": 20,
        "color_attr": 96,
      ])
    #expect(Set(shapes.trainPrompts).count == shapes.trainPrompts.count)
    let heldOut = Dictionary(grouping: shapes.heldOutPrompts, by: \.category).mapValues(\.count)
    #expect(heldOut.count == 6 && heldOut.values.allSatisfy { $0 == 64 })
    // Grouped: the category changes five times.
    let changes = zip(shapes.trainPrompts, shapes.trainPrompts.dropFirst())
      .count { $0.category != $1.category }
    #expect(changes == 5)
  }

  @Test func `a third of the held-out prompts is never trained on`() {
    let train = Set(shapes.trainPrompts)
    for (category, prompts) in Dictionary(grouping: shapes.heldOutPrompts, by: \.category) {
      let unseen = prompts.count { !train.contains($0) }
      #expect(unseen == (category == "single_object" ? 0 : 21))
    }
  }

  /// The same fact in other words is kept out as well.
  @Test func `held-out combinations are not in training the other way round`() {
    let train = Set(shapes.trainPrompts.map(\.text))
    let unseen = Set(shapes.heldOutPrompts.map(\.text)).subtracting(train)
    let converse = [
      "left of": "right of", "right of": "left of", "above": "below", "below": "above",
    ]
    for text in unseen {
      let phrase = text.dropFirst("a photo of ".count)
      for link in ["and", "left of", "right of", "above", "below"] {
        guard let range = phrase.firstRange(of: " \(link) ") else { continue }
        let turned =
          "a photo of \(phrase[range.upperBound...]) \(converse[link] ?? link) \(phrase[..<range.lowerBound])"
        #expect(!train.contains(turned))
      }
    }
  }

  @Test func `every word and every colour of every shape occurs in training`() {
    let used = Set(shapes.trainPrompts.flatMap { shapes.tokens(of: $0) })
    #expect(used == Set(1..<Int32(shapes.vocabulary.count)))
    #expect(shapes.vocabulary.count == 20 && shapes.vocabulary[0] == "<none>")
    #expect(shapes.tokens(of: Prompt(text: "", category: "")) == [0])
    let lengths = shapes.trainPrompts.map { shapes.tokens(of: $0).count }
    #expect(lengths.max() == shapes.longestPrompt)
    for shape in ["circle", "square", "triangle"] {
      for colour in ["red", "green", "blue", "yellow", "purple"] {
        #expect(shapes.trainPrompts.contains { $0.text.contains("\(colour) \(shape)") })
      }
    }
  }

  @Test func `parsing gives the prompt back`() throws {
    for prompt in shapes.trainPrompts + shapes.heldOutPrompts {
      #expect(try shapes.prompt(parsing: prompt.text) == prompt)
      let bare = prompt.text.split(separator: " ").dropFirst(3).filter { $0 != "a" }
      #expect(try shapes.prompt(parsing: bare.joined(separator: "  ").uppercased()) == prompt)
    }
    #expect(
      try shapes.prompt(parsing: "An photo of a circle".replacing("An", with: "A")).text
        == "a photo of a circle")
  }

  @Test(arguments: [
    ("", "missing"), ("a photo of", "missing"), ("a photo of a hexagon", "\"hexagon\""),
    ("a pink circle", "\"pink\""), ("five circles", "\"five\""), ("two circle", "\"circle\""),
    ("two", "\"two\""), ("a circle near a square", "\"near\""), ("circle left square", "\"left\""),
    ("a circle and a circle", "twice"), ("a red circle and a square", "\"red\""),
    ("a red circle and a red square", "\"red\""), ("a red circle above a square", "\"red\""),
    ("a circle and", "missing"), ("a red", "missing"),
    ("two circles and a square", "\"and a square\""),
    ("a circle above a square below a triangle", "\"below a triangle\""),
    ("circles", "\"circles\""),
  ])
  func `what is not in the language is named`(text: String, named: String) {
    let error = #expect(throws: PromptError.self) { try shapes.prompt(parsing: text) }
    #expect(error?.description.contains(named) == true, "\(error?.description ?? "")")
  }
}
