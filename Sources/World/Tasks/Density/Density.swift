import Foundation
package import Records

/// The test bed for everything that is about processes and not about learning: a latent is a point
/// of the plane, a prompt names one of eight modes on the circle of radius 1.
///
///     soft    = exp(−d² / (2 · 0.3²)),  d the distance to the mode
///     strict  = d ≤ 0.3
///     heldOut = max(0, cos Δangle) · max(0, 1 − |r − 1|)
package struct Density: Task {
  package let name = "density"
  package let summary = "points of the plane and eight modes; milliseconds a unit, for processes"
  package let latentTokens = 1
  package let latentChannels = 2
  package let longestPrompt = 1
  package let vocabulary = ["<none>"] + Self.compass
  package var trainPrompts = Self.compass.map { Prompt(text: $0, category: "mode") }
  package var heldOutPrompts = Self.compass.map { Prompt(text: $0, category: "mode") }

  /// Clockwise from (0, 1).
  static let compass = [
    "north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest",
  ]
  private static let width: Float = 0.3

  package init() {}

  package func prompt(parsing text: String) throws(PromptError) -> Prompt {
    let words = text.lowercased().split(whereSeparator: \.isWhitespace)
    guard words.count == 1, Self.compass.contains(String(words[0])) else {
      throw PromptError(
        "\"\(text)\" is not a mode; the modes are \(Self.compass.joined(separator: ", "))")
    }
    return Prompt(text: String(words[0]), category: "mode")
  }

  package func tokens(of prompt: Prompt) -> [Int32] {
    prompt.text.isEmpty ? [0] : [Int32(index(of: prompt) + 1)]
  }

  package func score(_ latent: [Float], for prompt: Prompt) -> Score {
    let point = point(of: latent)
    guard let point else { return Score(soft: 0, strict: false, heldOut: 0) }
    let mode = Self.mode(index(of: prompt))
    let distance = Self.length(point - mode)
    let radius = Self.length(point)
    let cosine = radius > 0 ? (point * mode).sum() / radius : 0
    return Score(
      soft: exp(-distance * distance / (2 * Self.width * Self.width)),
      strict: distance <= Self.width,
      heldOut: min(max(0, cosine), 1) * max(0, 1 - abs(radius - 1)))
  }

  package func reasons(_ latent: [Float], for prompt: Prompt) -> [String] {
    guard let point = point(of: latent) else { return ["the point is not finite"] }
    let distance = Self.length(point - Self.mode(index(of: prompt)))
    guard distance > Self.width else { return [] }
    let told = String(format: "%.2f", distance)
    return ["the point is \(told) away from \(prompt.text), 0.30 allowed"]
  }

  /// A point near the mode asked for with probability ½ and near any of the eight otherwise, so
  /// that a policy trained on examples is one that reinforcement can lift.
  package func example(
    of prompt: Prompt, using generator: inout some RandomNumberGenerator
  ) -> [Float] {
    let any = Int.random(in: 0..<8, using: &generator)
    let mode = Self.mode(Bool.random(using: &generator) ? index(of: prompt) : any)
    // Box–Muller.
    let radius = (-2 * log(1 - Float.random(in: 0..<1, using: &generator))).squareRoot()
    let angle = 2 * Float.pi * Float.random(in: 0..<1, using: &generator)
    return [mode.x + 0.1 * radius * cos(angle), mode.y + 0.1 * radius * sin(angle)]
  }

  /// The ring faintly, the point as a dot; the canvas shows −1.5...1.5, y upwards.
  package func picture(of latent: [Float], side: Int) -> Picture {
    precondition(side > 0, "a picture has at least one pixel, not side \(side)")
    let point = point(of: latent)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(side * side * 3)
    let pixelsPerUnit = Float(side) / 3
    for row in 0..<side {
      for column in 0..<side {
        let place = SIMD2(
          (Float(column) + 0.5) / pixelsPerUnit - 1.5, 1.5 - (Float(row) + 0.5) / pixelsPerUnit)
        let ring = Self.coverage(abs(Self.length(place) - 1) - 0.01, pixelsPerUnit)
        let dot = point.map { Self.coverage(Self.length(place - $0) - 0.07, pixelsPerUnit) } ?? 0
        let paper = SIMD3<Float>(repeating: 245 - 45 * ring)
        let colour = paper + dot * (SIMD3(40, 80, 220) - paper)
        for channel in 0..<3 { pixels.append(UInt8(colour[channel] + 0.5)) }
      }
    }
    return Picture(width: side, height: side, pixels: pixels)
  }

  package func measures(of results: [(prompt: Prompt, latent: [Float])]) -> Measures {
    var sectors = [Int](repeating: 0, count: 8)
    var outside = 0
    for result in results {
      guard let point = point(of: result.latent), abs(point.x) <= 2, abs(point.y) <= 2 else {
        outside += 1
        continue
      }
      // Eighths of a turn, clockwise from north.
      let turn = Int((atan2(point.x, point.y) * 4 / .pi).rounded())
      sectors[(turn + 8) % 8] += 1
    }
    var diversity: [String: Double] = [:]
    diversity["angle"] = normalizedEntropy(of: sectors)
    return Measures(
      diversity: diversity,
      offCanvas: results.isEmpty ? 0 : Double(outside) / Double(results.count))
  }

  /// Nil if a coordinate is not finite.
  func point(of latent: [Float]) -> SIMD2<Float>? {
    precondition(latent.count == 2, "a latent of density has 2 numbers, not \(latent.count)")
    guard latent[0].isFinite, latent[1].isFinite else { return nil }
    return SIMD2(latent[0], latent[1])
  }

  /// - Precondition: the prompt is one of the eight.
  func index(of prompt: Prompt) -> Int {
    guard let index = Self.compass.firstIndex(of: prompt.text) else {
      preconditionFailure("\"\(prompt.text)\" is no prompt of density")
    }
    return index
  }

  static func mode(_ index: Int) -> SIMD2<Float> {
    let angle = Float(index) * .pi / 4
    return SIMD2(sin(angle), cos(angle))
  }

  private static func length(_ vector: SIMD2<Float>) -> Float { hypot(vector.x, vector.y) }

  /// The soft edge of a shape at a signed distance, 0...1.
  private static func coverage(_ distance: Float, _ pixelsPerUnit: Float) -> Float {
    min(max(0.5 - distance * pixelsPerUnit, 0), 1)
  }
}
