/// Counts over many latents from which the measures of the shape world follow.
struct ShapesTally {
  /// Colours of each shape where the prompt leaves the colour open, `[3][5]`.
  private var colours = [[Int]](repeating: [Int](repeating: 0, count: 5), count: 3)
  /// Cells of a 3 × 3 grid for the centres of objects that stand alone.
  private var cells = [Int](repeating: 0, count: 9)
  private var drawn = 0
  private var crossing = 0

  mutating func add(_ latent: [Float], for request: Request) {
    let figures = Figure.all(in: latent)
    let free = request.items.filter { $0.colour == nil }.map(\.shape)
    for figure in figures {
      drawn += 1
      if figure.crossesEdge { crossing += 1 }
      if free.contains(figure.shape) {
        colours[figure.shape.rawValue][Colour.nearest(to: figure.rgb).colour.rawValue] += 1
      }
    }
    if request.total == 1, figures.count == 1 {
      cells[3 * third(of: figures[0].y) + third(of: figures[0].x)] += 1
    }
  }

  /// Which third of 0.2...0.8, where centres of whole objects are, a coordinate lies in.
  private func third(of coordinate: Float) -> Int {
    coordinate < 0.4 ? 0 : coordinate < 0.6 ? 1 : 2
  }

  /// A measure with nothing to count is left out.
  var measures: Measures {
    var diversity: [String: Double] = [:]
    for shape in Shape.allCases {
      diversity["color/\(shape.word)"] = normalizedEntropy(of: colours[shape.rawValue])
    }
    diversity["position"] = normalizedEntropy(of: cells)
    return Measures(
      diversity: diversity, offCanvas: drawn == 0 ? 0 : Double(crossing) / Double(drawn))
  }
}
