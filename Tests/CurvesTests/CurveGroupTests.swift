import Curves
import Foundation
import Telemetry
import Testing

struct CurveGroupTests {
  private let group = CurveGroup(
    name: "a",
    runs: [
      run(seed: 1, soft: [0: 0.5, 10: 0.6, 20: 0.8], coreSeconds: 2, hash: "x"),
      run(seed: 2, soft: [0: 0.5, 10: 0.8], coreSeconds: 4, hash: "y"),
    ])

  @Test func `points are means over the runs that have them, at the mean of their places`() {
    let points = group.points(of: .soft, over: .coreSeconds)
    #expect(points.map(\.version) == [0, 10, 20])
    #expect(points.map(\.position) == [0, 30, 40])
    #expect(points.map(\.value.count) == [2, 2, 1])
    #expect(zip(points.map(\.value.mean), [0.5, 0.7, 0.8]).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(points[0].value.halfWidth == 0 && points[2].value.halfWidth == nil)
  }

  @Test(arguments: [
    (Axis.updates, 10.0), (.judged, 100.0), (.evaluations, 1000.0), (.coreSeconds, 30.0),
  ])
  func `every axis has its place`(axis: Axis, place: Double) {
    #expect(group.points(of: .soft, over: axis)[1].position == place)
  }

  @Test func `the table stands where all runs were evaluated`() {
    #expect(group.lastCommonEvaluation == 10)
    let rows = GroupTable([group]).markdown.split(separator: "\n")
    #expect(rows.count == 3)
    let cells = rows[2].split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(cells[0] == "a" && cells[1] == "2" && cells[2] == "10")
    #expect(cells[3].hasPrefix("0.700 ± 1.271"), "\(cells)")
    #expect(cells[4] == "–" && cells[7] == "1,000" && cells[8] == "100")
    #expect(cells[10] == "2 different")
  }

  @Test func `a release that did not count shows nothing, over updates it shows its scores`() {
    let older = CurveGroup(
      name: "old", runs: [run(seed: 1, soft: [0: 0.5, 10: 0.75], coreSeconds: nil)])
    for axis in Axis.allCases {
      #expect(older.points(of: .soft, over: axis).isEmpty == (axis != .updates), "\(axis)")
    }
    let row = GroupTable([older]).markdown.split(separator: "\n")[2]
    let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(cells[3] == "0.750" && cells[7...9].allSatisfy { $0 == "–" }, "\(cells)")
    let object = GroupTable([older]).objects[0]
    #expect(object["core_seconds"] == nil && object["soft"] != nil)
    #expect(JSONSerialization.isValidJSONObject(object))
  }

  @Test func `runs without a common evaluation have no scores`() {
    let apart = CurveGroup(
      name: "a|b", runs: [run(seed: 1, soft: [5: 0.5]), run(seed: 2, soft: [6: 0.5])])
    #expect(apart.lastCommonEvaluation == nil)
    let row = GroupTable([apart]).markdown.split(separator: "\n")[2]
    #expect(row.hasPrefix("| a\\|b "))
    #expect(row.split(separator: " ").count { $0 == "–" } == 9, "\(row)")
  }

  @Test(arguments: [200, 120, 100, 80, 60, 50])
  func `a table fits into a terminal, and says what it leaves out`(width: Int) {
    let long = CurveGroup(
      name: "shapes loss.kl.beta=0.3 optim.learning_rate=0.0003 …",
      runs: [run(seed: 1, soft: [0: 0.5, 10: 0.75], hash: "x")])
    let table = GroupTable([group, long])
    let (text, left) = table.markdown(fitting: width)
    let lines = text.split(separator: "\n")
    #expect(lines.allSatisfy { $0.count <= width }, "\(text)")
    #expect(Set(lines.map(\.count)).count == 1)
    #expect(lines[0].contains("| updates |") && lines[0].contains("soft"))
    let headings = table.markdown.split(separator: "\n")[0].split(separator: "|").map {
      $0.trimmingPrefix(" ").split(separator: " ").joined(separator: " ")
    }
    #expect(left == headings.suffix(left.count))
    #expect(table.markdown(fitting: .max).text == table.markdown)
  }

  @Test func `the CSV has every point and quotes what would break it`() {
    let odd = CurveGroup(name: "a, \"b\"", runs: [run(seed: 1, soft: [0: 0.5, 10: 0.75])])
    let points = PointTables.points(of: [odd]).split(separator: "\n")
    #expect(points.count == 3)
    #expect(points[0].split(separator: ",").count == 4 + Metric.all.count)
    #expect(points[2].hasPrefix("\"a, \"\"b\"\"\",runs/x/seed-1,1,10,0.375,"))
    let means = PointTables.means(of: .soft, in: [group]).split(separator: "\n")
    #expect(means.count == 4)
    #expect(means[3] == "a,20,200.0,2000.0,40.0,1,0.8,", "\(means[3])")
  }
}
