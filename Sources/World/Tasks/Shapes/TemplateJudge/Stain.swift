/// A coherent spot of ink, as the template judge sees it: a soft mask and the light it absorbs.
struct Stain {
  /// Pixels around which the stain lies, one pixel wider than the ink.
  var rows: ClosedRange<Int>
  var columns: ClosedRange<Int>
  /// `[rows.count, columns.count]`, 0...1.
  var mask: [Float]
  var mass: Float
  /// The centre of mass in pixels.
  var x: Float
  var y: Float
  /// Absorbed red, green and blue where the ink is full, in parts of 255.
  var absorbed: SIMD3<Float>
  /// 1 if all full ink is alike, towards 0 the more it differs.
  var uniformity: Float
  /// 1 if no ink lies on the outermost pixels.
  var inside: Float
}

extension Stain {
  /// The light that each pixel absorbs, `[side · side]`, and how much: the largest channel.
  struct Sheet {
    var side: Int
    var absorbed: [SIMD3<Float>]
    var ink: [Float]

    init(_ picture: Picture) {
      side = picture.width
      absorbed = []
      ink = []
      absorbed.reserveCapacity(side * side)
      ink.reserveCapacity(side * side)
      let paper = Renderer.background / 255
      picture.pixels.withUnsafeBufferPointer { bytes in
        for pixel in 0..<side * side {
          let light = SIMD3(
            Float(bytes[3 * pixel]), Float(bytes[3 * pixel + 1]), Float(bytes[3 * pixel + 2]))
          let missing = paper - light / 255
          absorbed.append(missing)
          ink.append(max(abs(missing.x), abs(missing.y), abs(missing.z)))
        }
      }
    }
  }

  /// The stains of a picture: inked pixels that share an edge.
  static func all(in picture: Picture) -> [Stain] {
    let sheet = Sheet(picture)
    let side = sheet.side
    // Equivalent labels point to lower ones; label 0 is paper.
    var labels = [Int](repeating: 0, count: side * side)
    var parents = [0]
    for row in 0..<side {
      for column in 0..<side where sheet.ink[row * side + column] > 0.08 {
        var label = 0
        func join(_ other: Int) {
          guard other > 0 else { return }
          let other = root(of: other, parents)
          if label == 0 { label = other }
          let (low, high) = (min(label, other), max(label, other))
          parents[high] = low
          label = low
        }
        let pixel = row * side + column
        if column > 0 { join(labels[pixel - 1]) }
        if row > 0 { join(labels[pixel - side]) }
        if label == 0 {
          label = parents.count
          parents.append(label)
        }
        labels[pixel] = label
      }
    }
    return stains(of: sheet, labels: labels.map { root(of: $0, parents) })
  }

  private static func root(of label: Int, _ parents: [Int]) -> Int {
    var label = label
    while parents[label] != label { label = parents[label] }
    return label
  }

  private static func stains(of sheet: Sheet, labels: [Int]) -> [Stain] {
    var boxes: [(label: Int, top: Int, bottom: Int, left: Int, right: Int)] = []
    for row in 0..<sheet.side {
      for column in 0..<sheet.side {
        let label = labels[row * sheet.side + column]
        guard label > 0 else { continue }
        if let index = boxes.firstIndex(where: { $0.label == label }) {
          boxes[index].bottom = row
          boxes[index].left = min(boxes[index].left, column)
          boxes[index].right = max(boxes[index].right, column)
        } else {
          boxes.append((label, row, row, column, column))
        }
      }
    }
    return boxes.map { box in
      Stain(
        labelled: box.label, rows: box.top - 1...box.bottom + 1,
        columns: box.left - 1...box.right + 1, of: sheet, labels)
    }
  }

  private init(
    labelled label: Int, rows: ClosedRange<Int>, columns: ClosedRange<Int>, of sheet: Sheet,
    _ labels: [Int]
  ) {
    self.rows = rows
    self.columns = columns
    mask = [Float](repeating: 0, count: rows.count * columns.count)
    (mass, x, y, absorbed) = (0, 0, 0, .zero)
    var pixels: [(pixel: Int, place: Int, row: Int, column: Int)] = []
    var full: Float = 0
    for row in rows.clamped(to: 0...sheet.side - 1) {
      for column in columns.clamped(to: 0...sheet.side - 1) {
        let pixel = row * sheet.side + column
        guard labels[pixel] == label else { continue }
        let place = (row - rows.lowerBound) * columns.count + column - columns.lowerBound
        pixels.append((pixel, place, row, column))
        full = max(full, sheet.ink[pixel])
      }
    }
    var edge: Float = 0
    var solid: Float = 0
    for (pixel, place, row, column) in pixels {
      let part = sheet.ink[pixel] / full
      mask[place] = part
      mass += part
      x += part * (Float(column) + 0.5)
      y += part * (Float(row) + 0.5)
      if min(row, column) == 0 || max(row, column) == sheet.side - 1 { edge += part }
      if part > 0.85 {
        absorbed += sheet.absorbed[pixel]
        solid += 1
      }
    }
    (x, y, absorbed) = (x / mass, y / mass, absorbed / solid)
    inside = max(0, 1 - 8 * edge / mass)
    // Light that the mask times the full ink does not explain.
    var unexplained: Float = 0
    for (pixel, place, _, _) in pixels {
      let rest = sheet.absorbed[pixel] - mask[place] * absorbed
      unexplained += max(abs(rest.x), abs(rest.y), abs(rest.z))
    }
    uniformity = max(0, 1 - 4 * max(0, unexplained / (mass * full) - 0.02))
  }
}
