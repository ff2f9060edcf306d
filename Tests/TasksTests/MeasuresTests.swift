import Records
import Tasks
import TestSupport
import Testing

struct MeasuresTests {
  let shapes = Shapes()

  @Test func `examples are varied and on the canvas`() {
    var generator = SplitMix64(seed: 11)
    let results = (0..<3000).map { index in
      let prompt = shapes.trainPrompts[index % 14]
      return (prompt: prompt, latent: shapes.example(of: prompt, using: &generator))
    }
    let measures = shapes.measures(of: results)
    #expect(
      measures.diversity.keys.sorted() == [
        "color/circle", "color/square", "color/triangle", "position",
      ])
    for (key, value) in measures.diversity {
      #expect(value > (key == "position" ? 0.9 : 0.98) && value <= 1, "\(key) \(value)")
    }
    #expect(measures.offCanvas == 0)
  }

  @Test func `one answer to all is no diversity`() {
    var generator = SplitMix64(seed: 12)
    let prompt = shapes.trainPrompts[0]
    var scene = Scene(shapes.example(of: prompt, using: &generator))
    let same = shapes.measures(
      of: Array(repeating: (prompt: prompt, latent: scene.latent), count: 9))
    #expect(same.diversity == ["color/circle": 0, "position": 0])
    scene.moveToEdge(scene.objects[0], inset: 0.01, &generator)
    #expect(shapes.measures(of: [(prompt, scene.latent)]).offCanvas == 1)
    #expect(shapes.measures(of: []).diversity.isEmpty)
  }

  @Test func `objects of examples take the first tokens, in the order of mention`() throws {
    var generator = SplitMix64(seed: 13)
    for prompt in shapes.trainPrompts {
      let latent = shapes.example(of: prompt, using: &generator)
      let items = try Grammar.request(parsing: prompt.text).items
      #expect(Scene(latent).objects == Array(items.indices), "\(prompt.text)")
      for (token, item) in items.enumerated() {
        #expect(latent[token * 10 + 4 + item.shape.rawValue] > 0.9, "\(prompt.text)")
      }
    }
  }

  /// A generator whose leading bits stand still puts all objects in one place.
  @Test func `an example comes of a generator that finds no layout`() {
    struct Stuck: RandomNumberGenerator {
      var noise = SplitMix64(seed: 15)
      mutating func next() -> UInt64 { noise.next() >> 8 | 0x40 << 56 }
    }
    var generator = Stuck()
    for prompt in shapes.trainPrompts {
      let latent = shapes.example(of: prompt, using: &generator)
      #expect(shapes.score(latent, for: prompt).strict, "\(prompt.text)")
    }
  }
}
