import Flow

/// `sigma_schedules`: the grid of a kind, and the model's times, which are 1000·σ.
enum SigmaSchedules: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let grid = try example.namedGrid()
    try comparison.expect(grid.sigmas, at: example["sigmas"])
    if example.has("timesteps") {
      let times = grid.sigmas.dropLast().map { 1000 * Double($0) }
      try comparison.expect(times, at: example["timesteps"])
    }
  }
}

extension GoldenValue {
  /// The grid that `kind`, `T` and `shift` or `mu` name.
  func namedGrid() throws(GoldenError) -> SigmaGrid {
    let steps = try self["T"].integer(in: 1...1000)
    let kind = try self["kind"]
    switch try kind.text() {
    case "sd3_scheduler", "sd3":
      return .sd3(steps: steps, shift: try self["shift"].number(in: 0.01...100))
    case "linspace_shift":
      return .linear(steps: steps, shift: try self["shift"].number(in: 0.01...100))
    case "flux_dynamic", "flux":
      return .flux(steps: steps, mu: try self["mu"].number(in: -8...8))
    default:
      throw kind.isNot("a known schedule")
    }
  }

  /// The grid that is written out in `sigmas`.
  func writtenGrid() throws(GoldenError) -> SigmaGrid {
    let field = try self["sigmas"]
    let sigmas = try field.floats()
    guard SigmaGrid.descends(sigmas) else { throw field.isNot("descending from at most 1 to 0") }
    return SigmaGrid(sigmas: sigmas)
  }
}
