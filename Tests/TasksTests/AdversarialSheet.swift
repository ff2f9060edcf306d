import Foundation
import Records
import Tasks
import TestSupport

/// Pictures that are wrong for their prompt, each kind in its own way: what a policy might try on
/// a judge.
struct AdversarialCase: Codable {
  var kind: String
  var prompt: String
  var latent: [Float]
}

/// The committed sheet and the generator that wrote it.
enum AdversarialSheet {
  static let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "Resources/adversarial.json")

  /// The cases of the file; `REWRITE_ADVERSARIAL_SHEET` in the environment writes it first.
  static func read() throws -> [AdversarialCase] { try file.get() }

  private static let file = Result {
    if ProcessInfo.processInfo.environment["REWRITE_ADVERSARIAL_SHEET"] != nil { try write() }
    return try JSONDecoder().decode([AdversarialCase].self, from: Data(contentsOf: url))
  }

  /// One case a line, so that a change shows as lines.
  private static func write() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let lines = try cases().map { String(decoding: try encoder.encode($0), as: UTF8.self) }
    try Data("[\n\(lines.joined(separator: ",\n"))\n]\n".utf8).write(to: url)
  }

  private static let perKind = 60

  static func cases() -> [AdversarialCase] {
    let shapes = Shapes()
    let prompts = shapes.heldOutPrompts
    var generator = SplitMix64(seed: 20)
    var cases: [AdversarialCase] = []
    for (kind, corrupt) in kinds {
      var count = 0
      while count < perKind {
        let prompt = prompts.randomElement(using: &generator) ?? prompts[0]
        var scene = Scene(shapes.example(of: prompt, using: &generator))
        guard corrupt(&scene, prompt, &generator) else { continue }
        let latent = scene.latent.map { ($0 * 1000).rounded() / 1000 }
        cases.append(AdversarialCase(kind: kind, prompt: prompt.text, latent: latent))
        count += 1
      }
    }
    return cases
  }

  /// A corruption returns false where it cannot make the picture wrong for the prompt.
  private typealias Corruption = @Sendable (inout Scene, Prompt, inout SplitMix64) -> Bool

  private static let kinds: [(String, Corruption)] = [
    ("off palette", offPalette), ("pale", pale), ("touching", touching),
    ("doubled", doubled), ("hidden behind", hiddenBehind), ("bitten", bitten), ("tiny", tiny),
    ("cut off", cutOff), ("extra", extra), ("extra speck", speck), ("extra at edge", extraAtEdge),
    ("wrong count", wrongCount), ("wrong relation", wrongRelation),
    ("swapped colours", swappedColours), ("wrong shape", wrongShape), ("missing", missing),
    ("noise", noise),
  ]

  /// Brown, olive, orange, grey, pink, teal, black, navy, lime, magenta, cyan, dark red, amber, lime
  /// yellow, vermilion.
  private static let strangers: [SIMD3<Float>] = [
    [139, 69, 19], [128, 128, 0], [255, 140, 0], [128, 128, 128], [255, 170, 185], [0, 128, 128],
    [10, 10, 10], [0, 0, 110], [140, 255, 60], [255, 0, 200], [0, 220, 255], [120, 0, 0],
    [255, 175, 50], [200, 230, 45], [215, 85, 0],
  ]

  private static func offPalette(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    s.paint(s.object(&g), strangers.randomElement(using: &g)!)
    return true
  }

  /// A palette colour mixed with 40–70 % background.
  private static func pale(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    let object = s.object(&g)
    let part = Float.random(in: 0.4...0.7, using: &g)
    s.paint(object, s.rgb(object) * (1 - part) + part * Renderer.background)
    return true
  }

  /// Two objects so near that they overlap by a fifth to a half of their radii.
  private static func touching(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    guard s.objects.count >= 2 else { return false }
    let pair = s.objects.shuffled(using: &g)
    let distance = Float.random(in: 0.5...0.8, using: &g) * (s.radius(pair[0]) + s.radius(pair[1]))
    return s.move(pair[1], beside: pair[0], distance: distance, &g)
  }

  /// A second object of the same shape and colour, 0.4–1 radius aside: one large wrong blob.
  private static func doubled(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    guard let spare = s.absent.first else { return false }
    let object = s.object(&g)
    s.copy(object, to: spare)
    let distance = Float.random(in: 0.4...1, using: &g) * s.radius(object)
    return s.move(spare, beside: object, distance: distance, &g)
  }

  /// One object peeps out from behind another, larger one.
  private static func hiddenBehind(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    guard s.objects.count >= 2 else { return false }
    let (under, over) = (s.objects[0], s.objects[1])
    s[over, 3] = 1.2
    return s.move(
      under, beside: over, distance: Float.random(in: 0.6...0.8, using: &g) * s.radius(over), &g)
  }

  /// A bite in background colour takes a piece off an object's side.
  private static func bitten(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    guard let spare = s.absent.last, let object = s.objects.first, spare > object else {
      return false
    }
    s.copy(object, to: spare)
    s.paint(spare, Renderer.background)
    s[spare, 3] = s[object, 3] - 1
    return s.move(
      spare, beside: object, distance: Float.random(in: 0.5...0.9, using: &g) * s.radius(object),
      &g)
  }

  /// Radius 0.02–0.045: a pixel or so.
  private static func tiny(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    s[s.object(&g), 3] = Float.random(in: -3.4 ... -2.5, using: &g)
    return true
  }

  /// An object's centre lies 0–0.8 radii inside the edge.
  private static func cutOff(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    let object = s.object(&g)
    s.moveToEdge(object, inset: Float.random(in: 0...0.5, using: &g) * s.radius(object), &g)
    return true
  }

  private static func extra(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    s.addStranger(size: Float.random(in: -0.9...0.9, using: &g), &g) != nil
  }

  private static func speck(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    s.addStranger(size: Float.random(in: -4 ... -2, using: &g), &g) != nil
  }

  private static func extraAtEdge(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    guard let object = s.addStranger(size: Float.random(in: -0.9...0, using: &g), &g) else {
      return false
    }
    s.moveToEdge(object, inset: Float.random(in: -0.3...0.5, using: &g) * s.radius(object), &g)
    return true
  }

  private static func wrongCount(_ s: inout Scene, _ p: Prompt, _ g: inout SplitMix64) -> Bool {
    guard p.category == "counting" else { return false }
    if Bool.random(using: &g) { return s.addCopy(&g) }
    s[s.object(&g), 0] = -1
    return true
  }

  private static func wrongRelation(_ s: inout Scene, _ p: Prompt, _ g: inout SplitMix64) -> Bool {
    guard p.category == "position" else { return false }
    s.mirror(horizontally: p.text.contains("left of") || p.text.contains("right of"))
    return true
  }

  private static func swappedColours(_ s: inout Scene, _ p: Prompt, _ g: inout SplitMix64) -> Bool {
    switch p.category {
    case "colors":
      let colours = Colour.allCases.map(\.rgb)
      let now = s.rgb(s.objects[0])
      let others = colours.filter { (($0 - now) * ($0 - now)).sum() > 2000 }
      s.paint(s.objects[0], others.randomElement(using: &g)!)
    case "color_attr":
      let (first, second) = (s.rgb(s.objects[0]), s.rgb(s.objects[1]))
      s.paint(s.objects[0], second)
      s.paint(s.objects[1], first)
    default: return false
    }
    return true
  }

  private static func wrongShape(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    let object = s.object(&g)
    let scores = [s[object, 4], s[object, 5], s[object, 6]]
    let step = Bool.random(using: &g) ? 1 : 2
    for shape in 0..<3 { s[object, 4 + (shape + step) % 3] = scores[shape] }
    return true
  }

  private static func missing(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    s[s.object(&g), 0] = -0.2
    return true
  }

  /// Normal noise, with another number of objects than asked for.
  private static func noise(_ s: inout Scene, _: Prompt, _ g: inout SplitMix64) -> Bool {
    let asked = s.objects.count
    for index in s.latent.indices {
      let radius = (-2 * log(1 - Float.random(in: 0..<1, using: &g))).squareRoot()
      s.latent[index] = radius * cos(2 * .pi * Float.random(in: 0..<1, using: &g))
    }
    return s.objects.count != asked && !s.objects.isEmpty
  }
}
