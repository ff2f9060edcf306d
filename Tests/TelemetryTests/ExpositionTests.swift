import Telemetry
import TestSupport
import Testing

/// What Prometheus is served, read by a reader that shares nothing with the writer.
struct ExpositionTests {
  @Test func `names are right, each has a sentence, and counters are called so`() {
    let names = ServedMetric.all.map(\.name)
    #expect(Set(names).count == names.count)
    for metric in ServedMetric.all {
      #expect(
        metric.name.wholeMatch(of: /(tributary|process)_[a-z_]+[a-z]/) != nil, "\(metric.name)")
      #expect(metric.meaning.hasSuffix("."), "\(metric.name)")
      #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter), "\(metric.name)")
    }
  }

  @Test func `labels say what they said before, whatever is in them`() throws {
    let hostile = [
      "plain", "\"} 1\ntributary_version 7", "back\\slash", "line\r\nend", "\u{1b}[31m", "π✓", "",
      "\\n", "\u{2028}",
    ]
    for text in hostile {
      var page = Exposition()
      page.add(.info, [([text, "r", "t", "c"], 1)])
      page.add(.version, 3)
      let read = try PrometheusText(page.text)
      #expect(read.families.count == 2, "\(page.text)")
      #expect(read.families["tributary_info"]?.samples.first?.labels["release"] == text)
      #expect(read.value("tributary_version") == 3)
    }
  }

  @Test(arguments: [
    (0.0, "0"), (-1, "-1"), (1e14, "100000000000000"), (0.25, "0.25"), (1e-7, "1e-07"),
    (Double.infinity, "+Inf"), (-Double.infinity, "-Inf"), (Double.nan, "NaN"), (1e300, "1e+300"),
  ]) func `numbers are written as they are read`(value: Double, text: String) throws {
    var page = Exposition()
    page.add(.diskFree, value)
    #expect(page.text.hasSuffix("tributary_disk_free_bytes \(text)\n"))
    let read = try #require(try PrometheusText(page.text).value("tributary_disk_free_bytes"))
    #expect(read == value || read.isNaN && value.isNaN)
  }

  @Test func `a histogram counts up to each bound`() throws {
    var page = Exposition()
    page.add(histogram: .lag, bounds: [0, 1, 2], counts: [5, 0, 7, 1], sum: 30)
    page.add(summary: .updateSeconds, quantiles: [("0.5", 2)], sum: 20, count: 9)
    let read = try PrometheusText(page.text)
    let counts = ["0", "1", "2", "+Inf"].map {
      read.value("tributary_lag_versions_bucket", ["le": $0])
    }
    #expect(counts == [5, 5, 12, 13])
    #expect(read.value("tributary_lag_versions_count") == 13)
    #expect(read.value("tributary_update_seconds", ["quantile": "0.5"]) == 2)
    #expect(read.value("tributary_update_seconds_count") == 9)
  }

  @Test func `what is not known is not served`() throws {
    var page = Exposition()
    page.add(.heartbeatAge, nil)
    page.add(.newest, [])
    #expect(page.text.isEmpty)
  }
}
