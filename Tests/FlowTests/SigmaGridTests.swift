import TestSupport
import Testing

import Flow

struct SigmaGridTests {
  @Test(arguments: [1, 2, 3, 10, 40, 200])
  func `every grid descends from 1 to 0`(steps: Int) {
    let grids =
      [0.5, 1, 3, 7].flatMap { shift in
        [SigmaGrid.linear(steps: steps, shift: shift), .sd3(steps: steps, shift: shift)]
      } + [0.5, 1.15].map { SigmaGrid.flux(steps: steps, mu: $0) }
    for grid in grids {
      #expect(grid.steps == steps && grid.sigmas.count == steps + 1)
      #expect(grid.sigmas.first == 1 && grid.sigmas.last == 0)
      #expect(SigmaGrid.descends(grid.sigmas))
      let lengths = (0..<steps).map { grid.length(ofStep: $0) }
      #expect(abs(lengths.reduce(0, +) - 1) < 1e-5)
    }
  }

  @Test func `a thousand steps descend at the extremes a golden file may ask for`() {
    for shift in [0.01, 100] {
      #expect(SigmaGrid.linear(steps: 1000, shift: shift).steps == 1000)
      #expect(SigmaGrid.sd3(steps: 1000, shift: shift).steps == 1000)
    }
    for mu in [-8.0, 8] { #expect(SigmaGrid.flux(steps: 1000, mu: mu).steps == 1000) }
  }

  @Test func `shift 1 is the uniform grid`() {
    #expect(SigmaGrid.linear(steps: 4).sigmas == [1, 0.75, 0.5, 0.25, 0])
  }

  @Test func `SD3's grid is equally spaced between shifted ends and shifted again`() {
    func shift(_ u: Double) -> Double { 3 * u / (1 + 2 * u) }
    let ends = (shift(1), shift(0.001))
    let grid = SigmaGrid.sd3(steps: 28)
    for i in 0..<28 {
      let share = Double(i) / 27
      let expected = shift(ends.0 * (1 - share) + ends.1 * share)
      #expect(abs(Double(grid.sigmas[i]) - expected) < 1e-7)
    }
  }

  @Test func `what does not descend to 0 is no grid`() {
    for sigmas: [Float] in [
      [], [0], [1], [1, 0.5], [1, 1, 0], [0.5, 1, 0], [1.5, 0], [1, .nan, 0], [1, 0, 0],
    ] {
      #expect(!SigmaGrid.descends(sigmas))
    }
  }
}
