import Foundation
import Records
import Tasks
import TestSupport
import Testing

struct JudgeTests {
  let shapes = Shapes()

  @Test(arguments: Category.allCases)
  func `true renderings pass the strict judge`(category: Category) {
    var generator = SplitMix64(seed: 1)
    let prompts = (shapes.trainPrompts + shapes.heldOutPrompts)
      .filter { $0.category == category.rawValue }
    var passed = 0
    var soft = 0.0
    var heldOut = 0.0
    var lowest: Float = 1
    let count = 2400
    for index in 0..<count {
      let prompt = prompts[index % prompts.count]
      let latent = shapes.example(of: prompt, using: &generator)
      let score = shapes.score(latent, for: prompt)
      if score.strict { passed += 1 }
      soft += Double(score.soft)
      heldOut += Double(score.heldOut)
      lowest = min(lowest, score.heldOut)
      #expect(score.strict == shapes.reasons(latent, for: prompt).isEmpty)
    }
    let rate = Double(passed) / Double(count)
    print(
      "\(category.rawValue): strict \(rate), soft \(soft / Double(count)), "
        + "held-out \(heldOut / Double(count)), lowest \(lowest)")
    #expect(rate >= 0.99)
    #expect(heldOut / Double(count) > 0.85)
  }

  @Test func `the adversarial sheet is refused`() throws {
    let cases = try AdversarialSheet.read()
    #expect(cases.count >= 600)
    var accepted = 0
    var heldOut = 0.0
    for (kind, cases) in Dictionary(grouping: cases, by: \.kind).sorted(by: { $0.key < $1.key }) {
      var acceptedOfKind = 0
      var soft = 0.0
      var heldOutOfKind = 0.0
      for one in cases {
        let prompt = try shapes.prompt(parsing: one.prompt)
        let score = shapes.score(one.latent, for: prompt)
        if score.strict { acceptedOfKind += 1 }
        soft += Double(score.soft)
        heldOutOfKind += Double(score.heldOut)
        #expect(score.strict == shapes.reasons(one.latent, for: prompt).isEmpty)
      }
      let count = Double(cases.count)
      print(
        "\(kind): \(acceptedOfKind) of \(cases.count) accepted, soft \(soft / count), "
          + "held-out \(heldOutOfKind / count)")
      accepted += acceptedOfKind
      heldOut += heldOutOfKind
    }
    print("adversarial: \(accepted) of \(cases.count) accepted")
    #expect(Double(accepted) <= 0.02 * Double(cases.count))
    #expect(heldOut / Double(cases.count) < 0.5)
  }

  /// The sheet is what its generator writes, up to the last digit of a mathematical function.
  @Test func `the adversarial sheet is the generator's`() throws {
    let (read, written) = (try AdversarialSheet.read(), AdversarialSheet.cases())
    #expect(read.count == written.count)
    let differing = zip(read, written).first { a, b in
      a.kind != b.kind || a.prompt != b.prompt
        || zip(a.latent, b.latent).contains { abs($0 - $1) > 0.0015 }
    }
    #expect(differing == nil)
  }

  @Test func `both judges rank true renderings above corrupted ones`() throws {
    var generator = SplitMix64(seed: 3)
    let cases = try AdversarialSheet.read()
    var first = 0.0
    var second = 0.0
    for one in cases {
      let prompt = try shapes.prompt(parsing: one.prompt)
      let truth = shapes.score(shapes.example(of: prompt, using: &generator), for: prompt)
      let wrong = shapes.score(one.latent, for: prompt)
      first += truth.soft > wrong.soft ? 1 : truth.soft == wrong.soft ? 0.5 : 0
      second += truth.heldOut > wrong.heldOut ? 1 : truth.heldOut == wrong.heldOut ? 0.5 : 0
    }
    let count = Double(cases.count)
    print("true above corrupted: first judge \(first / count), second judge \(second / count)")
    #expect(first / count > 0.97)
    #expect(second / count > 0.95)
  }

  @Test func `hostile numbers neither crash nor score`() {
    var generator = SplitMix64(seed: 4)
    let values: [Float] = [
      .nan, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1e30, -1e9,
      .leastNonzeroMagnitude, 0, 1e4,
    ]
    for prompt in shapes.trainPrompts {
      for value in values {
        let score = shapes.score([Float](repeating: value, count: 50), for: prompt)
        #expect(!score.strict && score.soft <= 0.7 && score.heldOut < 0.2)
      }
      for _ in 0..<20 {
        let latent = (0..<50).map { _ in values.randomElement(using: &generator)! }
        let score = shapes.score(latent, for: prompt)
        #expect(!score.strict && (0...1).contains(score.soft) && (0...1).contains(score.heldOut))
      }
      #expect(shapes.score([Float](repeating: .nan, count: 50), for: prompt).soft <= 0)
    }
  }

  @Test func `an object with a number that is not finite is absent`() {
    var generator = SplitMix64(seed: 5)
    let prompt = shapes.trainPrompts[0]
    for channel in 0..<10 {
      var latent = shapes.example(of: prompt, using: &generator)
      let object = Scene(latent).objects[0]
      latent[10 * object + channel] = .nan
      #expect(shapes.score(latent, for: prompt) == Score(soft: 0, strict: false, heldOut: 0))
    }
  }

  @Test func `scores repeat and reasons speak`() throws {
    var generator = SplitMix64(seed: 6)
    let three = try shapes.prompt(parsing: "three circles")
    let two = try shapes.prompt(parsing: "two circles")
    let latent = shapes.example(of: two, using: &generator)
    #expect(shapes.score(latent, for: three) == shapes.score(latent, for: three))
    #expect(shapes.reasons(latent, for: three) == ["2 circles found, 3 asked"])
    #expect(shapes.score(latent, for: three).soft == 1 - Float(1) / 3)
    let red = try shapes.prompt(parsing: "a red square")
    let blue = try shapes.prompt(parsing: "a blue square")
    #expect(
      shapes.reasons(shapes.example(of: blue, using: &generator), for: red) == ["no red square"])
    let right = shapes.example(
      of: try shapes.prompt(parsing: "circle right of square"), using: &generator)
    let left = try shapes.prompt(parsing: "circle left of square")
    #expect(shapes.reasons(right, for: left).count == 1)
    #expect(shapes.reasons(right, for: left)[0].hasSuffix("the square"))
    let circle = try shapes.prompt(parsing: "a circle")
    #expect(shapes.reasons(latent, for: circle) == ["1 object too many"])
    var brown = Scene(shapes.example(of: circle, using: &generator))
    brown.paint(brown.objects[0], [139, 69, 19])
    #expect(shapes.reasons(brown.latent, for: circle) == ["colour off the palette"])
    #expect(shapes.score(brown.latent, for: circle).soft == 0.7)
  }

  @Test func `judging is measured`() {
    var generator = SplitMix64(seed: 7)
    let work = (0..<3000).map { index in
      let prompt = shapes.heldOutPrompts[index % shapes.heldOutPrompts.count]
      return (prompt, shapes.example(of: prompt, using: &generator))
    }
    var sum: Float = 0
    let time = ContinuousClock().measure {
      for (prompt, latent) in work { sum += shapes.score(latent, for: prompt).soft }
    }
    let rendering = ContinuousClock().measure {
      for (_, latent) in work { sum += Float(shapes.picture(of: latent, side: 32).pixels[0]) }
    }
    print(
      "render and judge: \(time / work.count) a picture, rendering alone \(rendering / work.count)")
    #expect(sum > 0)
  }
}
