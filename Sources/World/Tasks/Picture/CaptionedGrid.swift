/// Rows of pictures that say what they are: a heading, the name of each row, and under each picture
/// what was asked and what is wrong with it.
package struct CaptionedGrid {
  package struct Cell {
    package var picture: Picture
    package var caption: String
    /// Written in red under the caption; empty where there is nothing to say.
    package var fault: String

    package init(_ picture: Picture, caption: String = "", fault: String = "") {
      self.picture = picture
      self.caption = caption
      self.fault = fault
    }
  }

  package struct Row {
    package var name: String
    package var cells: [Cell]

    package init(_ name: String = "", _ cells: [Cell]) {
      self.name = name
      self.cells = cells
    }
  }

  package var heading: [String]
  /// Whether the first line of the heading is written large.
  package var hasTitle = true
  package var rows: [Row]
  /// Lines of a caption, and of a fault, at most.
  package var lineLimit = 3

  private static let gap = 10
  private static let nameWidth = 96

  package init(heading: [String] = [], rows: [Row]) {
    self.heading = heading
    self.rows = rows
  }

  package var picture: Picture {
    let cells = rows.flatMap(\.cells)
    let cellWidth = cells.map(\.picture.width).max() ?? 0
    let names = rows.map { Picture.lines(of: Self.words($0.name), width: Self.nameWidth, most: 3) }
    let nameWidth = names.joined().map { Picture.width(of: $0) }.max() ?? 0
    let left = Self.gap + (nameWidth > 0 ? nameWidth + Self.gap : 0)
    let columns = rows.map(\.cells.count).max() ?? 0
    let captions = rows.map { row in row.cells.map { lines(of: $0, width: cellWidth) } }
    let heights = zip(rows, captions).map { row, captions in
      (row.cells.map(\.picture.height).max() ?? 0)
        + (captions.map(\.count).max() ?? 0) * Picture.lineHeight() + 2
    }
    let titles = heading.enumerated().map { (text: $1, scale: $0 == 0 && hasTitle ? 2 : 1) }
    let width = max(
      left + columns * (cellWidth + Self.gap),
      2 * Self.gap + (titles.map { Picture.width(of: $0.text, scale: $0.scale) }.max() ?? 0))
    let top = titles.reduce(Self.gap) { $0 + Picture.lineHeight(scale: $1.scale) }
    var picture = Picture(
      filled: Picture.white, width: width,
      height: heights.reduce(top) { $0 + $1 + Self.gap })
    var y = Self.gap
    for title in titles {
      picture.write(title.text, column: Self.gap, row: y, scale: title.scale)
      y += Picture.lineHeight(scale: title.scale)
    }
    for (index, row) in rows.enumerated() {
      for (line, name) in names[index].enumerated() {
        picture.write(name, column: Self.gap, row: y + 2 + line * Picture.lineHeight())
      }
      for (column, cell) in row.cells.enumerated() {
        let x = left + column * (cellWidth + Self.gap)
        picture.paste(cell.picture, column: x, row: y)
        for (line, caption) in captions[index][column].enumerated() {
          picture.write(
            caption.text, column: x,
            row: y + cell.picture.height + 3 + line * Picture.lineHeight(), colour: caption.colour)
        }
      }
      y += heights[index] + Self.gap
    }
    return picture
  }

  /// `color_attribution` as words, so that it can be broken.
  private static func words(_ name: String) -> String {
    String(name.map { $0 == "_" ? " " : $0 })
  }

  private func lines(of cell: Cell, width: Int) -> [(text: String, colour: Picture.Colour)] {
    Picture.lines(of: cell.caption, width: width, most: lineLimit).map { ($0, Picture.ink) }
      + Picture.lines(of: cell.fault, width: width, most: lineLimit).map { ($0, Picture.warning) }
  }
}
