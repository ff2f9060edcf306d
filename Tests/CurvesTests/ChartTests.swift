import Curves
import Foundation
import FoundationXML
import Telemetry
import Testing

struct ChartTests {
  /// What an XML reader finds.
  private final class Picture: NSObject, XMLParserDelegate {
    var elements: [(name: String, attributes: [String: String])] = []
    var titles: Set<String> = []
    private var text = ""

    /// nil for what is not well-formed.
    init?(_ svg: String) {
      super.init()
      let parser = XMLParser(data: Data(svg.utf8))
      parser.delegate = self
      guard parser.parse() else { return nil }
    }

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      elements.append((name, attributes))
      text = ""
    }

    func parser(_ parser: XMLParser, foundCharacters more: String) { text += more }

    func parser(
      _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) {
      if name == "title" { titles.insert(text) }
    }

    func all(_ name: String) -> [[String: String]] {
      elements.filter { $0.name == name }.map(\.attributes)
    }
  }

  private func groups(_ count: Int) -> [CurveGroup] {
    (0..<count).map { index in
      CurveGroup(
        name: "group \(index)",
        runs: (1...3).map { seed in
          run(
            seed: seed,
            soft: [0: 0.5, 10: 0.6 + 0.01 * Double(index), 20: 0.7 + 0.001 * Double(seed)])
        })
    }
  }

  @Test func `eight groups are told apart, and of more the eight that end highest`() throws {
    for count in [3, 8, 9, 28] {
      let picture = try #require(Picture(Chart(groups(count), metric: .soft).svg))
      let lines = picture.all("polyline")
      #expect(lines.count == 4 * count)
      let looks = Set(lines.map { $0["stroke"] ?? "" })
      #expect(looks.count == min(count, 9))
      #expect(picture.all("polygon").count == 4 * min(count, 8))
      #expect(picture.titles.count == count + (count > 8 ? 1 : 0))
    }
  }

  @Test func `of many groups the best have the names`() throws {
    let ends = [0.2, 0.9, 0.4, 0.8, 0.85, 0.3, 0.95, 0.7, 0.6, 0.65, 0.1]
    let groups = ends.map { end in
      CurveGroup(name: "ends at \(end)", runs: [run(seed: 1, soft: [0: 0.5, 10: end])])
    }
    let svg = Chart(groups, metric: .soft, axes: [.updates]).svg
    for end in ends {
      #expect(svg.contains(">ends at \(end) (1)<") == (end > 0.35), "\(end)")
    }
    #expect(svg.contains(">3 others, which end lower<"))
  }

  @Test func `the axis of a share ends at 0 and 1, and its band with it`() throws {
    // Three seeds this far apart have an interval beyond 1.
    let group = CurveGroup(
      name: "wide",
      runs: [0.6, 0.8, 1].enumerated().map { run(seed: UInt64($0 + 1), soft: [0: 0.02, 10: $1]) })
    let svg = Chart([group], metric: .soft, axes: [.updates]).svg
    #expect(svg.contains(">1.0<") && !svg.contains(">1.2<") && !svg.contains(">-0"), "\(svg)")
    let picture = try #require(Picture(svg))
    let points = try #require(picture.all("polygon").first?["points"])
    let band = points.split(separator: " ")
    let heights = band.compactMap { $0.split(separator: ",").last.flatMap { Double($0) } }
    #expect(heights.allSatisfy { $0 >= 74 }, "the panel begins at 74: \(heights)")
    let open = Chart([group], metric: .reward, axes: [.updates]).svg
    #expect(Picture(open) != nil)
  }

  @Test(arguments: Axis.allCases)
  func `one axis is one panel`(axis: Axis) throws {
    let picture = try #require(Picture(Chart(groups(2), metric: .soft, axes: [axis]).svg))
    #expect(picture.all("polyline").count == 2)
  }

  /// Every point lies within the picture, and a larger value higher.
  @Test func `points lie within the picture`() throws {
    let picture = try #require(Picture(Chart(groups(3), metric: .soft).svg))
    let size = try #require(picture.all("svg").first)
    let (width, height) = (Double(size["width"] ?? ""), Double(size["height"] ?? ""))
    for shape in picture.all("polyline") + picture.all("polygon") {
      let points = (shape["points"] ?? "").split(separator: " ").map { pair in
        pair.split(separator: ",").compactMap { Double($0) }
      }
      #expect(points.count >= 3)
      for point in points {
        try #require(point.count == 2)
        #expect((0...(width ?? 0)).contains(point[0]) && (0...(height ?? 0)).contains(point[1]))
      }
    }
    let first = try #require(picture.all("polyline").first?["points"]).split(separator: " ")
    let heights = first.compactMap { $0.split(separator: ",").last.flatMap { Double($0) } }
    #expect(heights[0] > heights[1] && heights[1] > heights[2], "\(heights)")
  }

  /// Names come from folders, and numbers from anywhere.
  @Test(
    arguments: [
      [0: 0.5], [0: 0, 10: 0], [0: -1e100, 10: 1e100], [0: 1e15, 10: 1e15 + 1], [3: 1e-300],
      [:],
    ] as [[UInt64: Double]])
  func `whatever the numbers and the names, it is a picture`(soft: [UInt64: Double]) throws {
    let name = "<&\"'>]]>\u{0}\u{1b}[31m\u{ffff} é"
    let svg = Chart([CurveGroup(name: name, runs: [run(seed: 1, soft: soft)])], metric: .soft).svg
    let picture = try #require(Picture(svg), "\(svg)")
    #expect(!svg.contains("nan") && !svg.contains("inf"))
    #expect(picture.titles.contains { $0.hasPrefix("<&\"'>]]>") })
    #expect(svg.utf8.count < 30_000)
  }

  @Test func `what was not recorded is said`() throws {
    let older = CurveGroup(
      name: "old", runs: [run(seed: 1, soft: [0: 0.5, 10: 0.75], coreSeconds: nil)])
    let svg = Chart([older], metric: .soft).svg
    #expect(svg.components(separatedBy: "did not record").count == 4)
    #expect(Picture(svg)?.all("polyline").count == 1)
  }
}
