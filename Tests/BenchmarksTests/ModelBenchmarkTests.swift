import Testing

import Benchmarks
import Network

struct ModelBenchmarkTests {
  /// The operations of a forward pass by the book: 2 · rows · inputs · outputs for each layer, and
  /// 2 · 2 · queries · keys · width for each block's attention.
  @Test func `counted operations are those of the layers`() {
    for configuration in ModelConfiguration.all where configuration.promptTokens == 0 {
      let (shape, rows) = (configuration.shape, configuration.rowsPerCall)
      let (w, n, c) = (shape.width, shape.latentTokens, shape.latentChannels)
      let tokens = rows * n
      var expected = 2 * (tokens * c * w + tokens * w * c)
      expected += 2 * (rows * DiT.timeFeatures * w + rows * w * w + (rows + 1) * w * 2 * w)
      for _ in 0..<shape.depth {
        expected += 2 * tokens * (w * 3 * w + w * w + w * 4 * w + 4 * w * w)
        expected += 2 * (rows + 1) * w * 6 * w
        expected += 2 * 2 * rows * n * n * w
      }
      #expect(configuration.operations(rows: rows) == Double(expected), "\(configuration.name)")
    }
  }

  @Test func `rates are positive and rows are whole calls`() {
    let report = ModelBenchmark.run(
      configurations: [smallest], batch: 65, threads: 1, rounds: 1, peakSpins: 1000)
    #expect(report.rows.count == 1 && report.threads == 1 && report.peakRate > 0)
    let row = report.rows[0]
    #expect(row.batch == 64)
    #expect(row.parameters == DiT(smallest.shape).table.count)
    for rate in [
      row.forwardSamplesPerSecond, row.trainSamplesPerSecond, row.forwardRate, row.trainRate,
      row.sgemmForwardRate, row.sgemmTrainRate,
    ] {
      #expect(rate.isFinite && rate > 0)
    }
    // Both rates come from one time: operations of a sample times samples a second.
    let perSample = smallest.operations(rows: 64) / 64
    #expect(
      abs(row.forwardSamplesPerSecond * perSample * 1e-9 / row.forwardRate - 1) < 1e-9)
    #expect(
      abs(row.trainSamplesPerSecond * 3 * perSample * 1e-9 / row.trainRate - 1) < 1e-9)
  }
}
