import Foundation
import Records
import Tasks
import Testing
import TestSupport

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

  @Test func `a plot shows every point, the disc of what is right, and what lies outside`() throws {
    let east = try density.prompt(parsing: "east")
    func plot(_ points: [[Float]], side: Int = 300) throws -> Picture {
      try #require(density.plot(of: points.map { (east, $0) }, side: side))
    }
    let empty = try #require(density.plot(of: [], side: 300))
    #expect(Set(empty.pixels).count == 1)
    let one = try plot([[0, 1]])
    let two = try plot([[0, 1], [-1, -1]])
    #expect(one != two && one != empty)
    // The middle of the disc is paler than its edge, and 0.29 within it.
    func pixel(_ x: Float, _ y: Float) -> [UInt8] {
      let (column, row) = (Int((x + 1.5) * 100), Int((1.5 - y) * 100))
      return Array(one.pixels[(row * 300 + column) * 3..<(row * 300 + column) * 3 + 3])
    }
    #expect(pixel(1, 0) == pixel(1.15, 0.1) && pixel(1, 0) != pixel(0, 0))
    #expect(pixel(1.3, 0)[0] < pixel(1, 0)[0])
    for far in [[.nan, 0], [3e38, -3e38], [-.infinity, 2]] as [[Float]] {
      let shown = try plot([far]).pixels
      let words = stride(from: 0, to: shown.count, by: 3).contains {
        Array(shown[$0..<$0 + 3]) == Picture.warning
      }
      #expect(words, "it is said that one is outside")
    }
    for side in [1, 8, 160] { #expect(try plot([[0.5, 0.5]], side: side).width == side) }
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
    for name in TaskName.allCases { #expect(name.task().name == name.rawValue) }
  }
}
