import Golden
import Testing

struct GoldenFilesTests {
  @Test func `the nine files of the peers' numbers are there and pass`() throws {
    let reports = try GoldenSuite.run(directory: goldenDirectory)
    #expect(reports.map(\.file) == goldenNames.map { $0 + ".json" })
    for report in reports {
      print(report.file, report.cases, report.comparisons, report.worstDeviation, report.status)
      #expect(report.status == .passed, "\(report.file): \(report.failures)")
      #expect(report.cases > 0 && report.comparisons > 0 && report.worstDeviation <= 1e-5)
    }
  }
}
