import Flow

/// `awm_sa_updates`: single predictors and correctors, with the coefficients for few steps and
/// without.
enum SAUpdates: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let times = try example["t_prev"].entries(nil)
    let order = try example["order"].integer(in: 1...4)
    guard times.count == order else { throw try example["t_prev"].isNot("\(order) times") }
    // Oldest first in the file.
    var nodes: [Float] = []
    for time in times.reversed() { nodes.append(Float(try time.number(in: 1e-6...0.999999))) }
    let time = Float(try example["t"].number(in: 1e-6...0.999999))
    guard Set(nodes + [time]).count == order + 1 else {
      throw try example["t"].isNot("a time of its own")
    }
    let tau = try example["tau"].number(in: 0...100)
    let x = try example["x"].table()
    func table(_ field: GoldenValue) throws(GoldenError) -> [Float] {
      try field.table(rows: x.count, columns: x[0].count).flatMap(\.self)
    }
    let noise = try table(example["noise"])
    var past: [[Float]] = []
    for entry in try example["x0_prev"].entries(order).reversed() { past.append(try table(entry)) }
    let new = try table(example["x0_new"])
    let out = try example["out"]
    let previous = nodes[0]
    for (name, isForFewSteps) in [("few_steps", true), ("plain", false)] {
      let solver = SASolver(noiseLevel: tau, isForFewSteps: isForFewSteps)
      func expect(_ nodes: [Float], _ clean: [[Float]], at field: GoldenValue)
        throws(GoldenError)
      {
        let next = solver.rule(from: previous, to: time, nodes: nodes, tau: tau)
          .next(x.flatMap(\.self), clean, noise: noise)
        let rows = x.indices.map { Array(next[$0 * x[0].count..<($0 + 1) * x[0].count]) }
        try comparison.expect(rows, at: field)
      }
      try expect(nodes, past, at: out["predictor_\(name)"])
      let correctors = "corrector_\(name)"
      if name == "plain", !out.has(correctors) { continue }
      for key in try out[correctors].fields().keys.sorted() {
        let highest = min(order + 1, 4)
        guard let corrector = Int(key.dropFirst("order".count)), (1...highest).contains(corrector)
        else { throw try out[correctors][key].isNot("of an order from 1 to \(highest)") }
        try expect(
          Array(([time] + nodes).prefix(corrector)), Array(([new] + past).prefix(corrector)),
          at: out[correctors][key])
      }
    }
  }
}
