import Foundation

/// The second judge of the shape world: how well templates of the objects asked for lie over the
/// picture. It shares nothing with the rule judge but the request and the palette.
///
///     score = mean quality of the objects asked for · relation · tidiness
///     quality = overlap · colour nearness · uniformity · inside
///     tidiness = share of the ink that belongs to them · 0.75^(other stains)
enum TemplateJudge {
  /// 0...1.
  static func score(of picture: Picture, for request: Request) -> Float {
    let stains = Stain.all(in: picture)
    guard !stains.isEmpty else { return 0 }
    let items = request.items
    var taken = [Bool](repeating: false, count: stains.count)
    var chosen: [Stain?] = []
    var quality: Float = 0
    for item in items {
      var best: (index: Int, quality: Float)?
      for index in stains.indices where !taken[index] {
        let quality = Self.quality(of: stains[index], as: item)
        if quality > best?.quality ?? 0 { best = (index, quality) }
      }
      chosen.append(best.map { stains[$0.index] })
      if let best {
        taken[best.index] = true
        quality += best.quality
      }
    }
    let mass = stains.reduce(0) { $0 + $1.mass }
    let explained = zip(stains, taken).reduce(0) { $0 + ($1.1 ? $1.0.mass : 0) }
    let others = taken.count { !$0 }
    var score = quality / Float(items.count) * explained / mass * pow(0.75, Float(others))
    if let relation = request.relation {
      score *= agreement(relation, chosen[0], chosen[1], side: Float(picture.width))
    }
    return min(max(score, 0), 1)
  }

  private static func quality(of stain: Stain, as item: Request.Item) -> Float {
    let overlaps = Shape.allCases.map {
      Template(shape: $0, area: stain.mass, x: stain.x, y: stain.y).overlap(with: stain)
    }
    let overlap = overlaps[item.shape.rawValue]
    // Where another template lies better, the object is of another shape.
    let lead = overlap - (overlaps.max() ?? 0)
    let fit = min(max((overlap - 0.75) / 0.15, 0), 1) * max(0, 1 + lead / 0.05)
    let nearness =
      item.colour.map { self.nearness(of: stain.absorbed, to: $0) }
      ?? Colour.allCases.reduce(0) { max($0, self.nearness(of: stain.absorbed, to: $1)) }
    // Nine pixels or fewer show no shape.
    let size = min(max((stain.mass - 9) / 6, 0), 1)
    return fit * nearness * stain.uniformity * stain.inside * size
  }

  /// exp(−(angle / 0.25)² − (ln ratio of lengths / 0.3)²) of absorbed light and the colour's.
  private static func nearness(of absorbed: SIMD3<Float>, to colour: Colour) -> Float {
    let wanted = (Renderer.background - colour.rgb) / 255
    let length = (absorbed * absorbed).sum().squareRoot()
    let wantedLength = (wanted * wanted).sum().squareRoot()
    guard length > 0 else { return 0 }
    let cosine = min(max((absorbed * wanted).sum() / (length * wantedLength), -1), 1)
    let angle = acos(cosine) / 0.25
    let ratio = log(length / wantedLength) / 0.3
    return exp(-angle * angle - ratio * ratio)
  }

  /// 0 where the centres are not apart in the direction asked for, 1 from an eighth of the side on.
  private static func agreement(
    _ relation: Relation, _ first: Stain?, _ second: Stain?, side: Float
  ) -> Float {
    guard let first, let second else { return 0.5 }
    let distance = relation.distance(dx: first.x - second.x, dy: first.y - second.y)
    return min(max(distance / (side / 8), 0), 1)
  }
}
