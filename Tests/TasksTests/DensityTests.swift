import Foundation
import Records
import Tasks
import TestSupport
import Testing

struct DensityTests {
  let density = Density()

  @Test func `scores are those of the formulas`() throws {
    let east = try density.prompt(parsing: " East ")
    #expect(density.score([1, 0], for: east) == Score(soft: 1, strict: true, heldOut: 1))
    let aside = density.score([1, 0.4], for: east)
    #expect(abs(aside.soft - exp(-0.16 / 0.18)) < 1e-6 && !aside.strict)
    let radius = Float(1.16).squareRoot()
    #expect(abs(aside.heldOut - (1 / radius) * (2 - radius)) < 1e-6)
    #expect(density.score([-1, 0], for: east).heldOut == 0)
    #expect(density.score([.nan, 0], for: east) == Score(soft: 0, strict: false, heldOut: 0))
    #expect(density.score([3e38, 3e38], for: east).heldOut == 0)
    #expect(
      density.reasons([0, 1], for: east) == ["the point is 1.41 away from east, 0.30 allowed"])
    #expect(throws: PromptError.self) { try density.prompt(parsing: "up") }
  }

  @Test func `half of the examples are for their prompt`() {
    var generator = SplitMix64(seed: 14)
    var met = 0
    var results: [(prompt: Prompt, latent: [Float])] = []
    for index in 0..<4000 {
      let prompt = density.trainPrompts[index % 8]
      let latent = density.example(of: prompt, using: &generator)
      if density.score(latent, for: prompt).strict { met += 1 }
      results.append((prompt, latent))
    }
    // ½ + ½ · ⅛, less the tail of the noise.
    #expect(abs(Double(met) / 4000 - 0.5625) < 0.03)
    let measures = density.measures(of: results)
    #expect((measures.diversity["angle"] ?? 0) > 0.99 && measures.offCanvas == 0)
    #expect(density.measures(of: [(results[0].prompt, [2.5, 0])]).offCanvas == 1)
  }

  @Test func `the picture shows the point up where y is large`() {
    let picture = density.picture(of: [0, 1], side: 30)
    let dot = 3 * (5 * 30 + 15)
    #expect(picture.pixels[dot] < 160)
    #expect(density.picture(of: [.nan, 0], side: 8).pixels.count == 192)
    #expect(density.tokens(of: density.trainPrompts[7]) == [8])
  }

  @Test func `tasks are found by name`() {
    for name in taskNames { #expect(task(named: name)?.name == name) }
    #expect(task(named: "words") == nil)
  }
}
