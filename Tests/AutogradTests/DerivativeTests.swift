import Tensor
import Testing

import Autograd

/// Every derivative against central differences, through L = Σ cᵢ yᵢ with random c.
struct DerivativeTests {
  typealias Build = (Tape, [Variable]) -> Variable

  static func random(_ count: Int, _ index: Int) -> [Float] {
    Philox(seed: 5).normals(
      at: NoiseAddress(unit: UInt64(index), purpose: .initialisation), count: count)
  }

  /// The largest difference between tape and differences, over the largest entry of the gradient.
  static func check(_ shapes: [(Int, Int)], _ build: Build) -> Float {
    let inputs = shapes.enumerated().map { index, shape in
      Buffer(random(shape.0 * shape.1, index))
    }
    func variables(_ tape: Tape) -> [Variable] {
      zip(inputs, shapes).map { buffer, shape in
        tape.input(buffer.matrix(at: 0, rows: shape.0, columns: shape.1))
      }
    }
    let tape = Tape(recording: true)
    let leaves = variables(tape)
    let y = build(tape, leaves)
    let c = random(y.rows * y.columns, 99)
    let gradient = tape.scratch(rows: y.rows, columns: y.columns)
    gradient.assign(c)
    tape.backward(from: y, gradient: gradient)
    let analytic = leaves.map { tape.gradient(of: $0).scalars }

    func loss() -> Double {
      // A recording tape: one for inference may write into the inputs.
      let tape = Tape(recording: true)
      let y = build(tape, variables(tape)).value.scalars
      return zip(y, c).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    var worst: Double = 0
    for (index, buffer) in inputs.enumerated() {
      let scale = Double(max(analytic[index].map(abs).max() ?? 0, 1e-3))
      for position in 0..<buffer.count {
        let step: Float = 1e-2
        let value = buffer.row[0, position]
        func at(_ offset: Float) -> Double {
          buffer.row[0, position] = value + offset
          defer { buffer.row[0, position] = value }
          return loss()
        }
        // Fourth-order central difference.
        let difference =
          (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * Double(step))
        worst = max(worst, abs(difference - Double(analytic[index][position])) / scale)
      }
    }
    return Float(worst)
  }

  @Test func linear() {
    #expect(
      Self.check([(5, 7), (7, 3), (1, 3)]) { $0.linear($1[0], weight: $1[1], bias: $1[2]) } < 1e-3)
  }

  @Test func gelu() { #expect(Self.check([(3, 7)]) { $0.gelu($1[0]) } < 1e-3) }

  @Test func silu() { #expect(Self.check([(3, 7)]) { $0.silu($1[0]) } < 1e-3) }

  @Test func add() { #expect(Self.check([(3, 7), (3, 7)]) { $0.add($1[0], $1[1]) } < 1e-3) }

  @Test func `a value used twice gets both gradients`() {
    #expect(Self.check([(3, 7)]) { $0.add($1[0], $0.gelu($1[0])) } < 1e-3)
  }

  @Test func `whatever reaches a value second adds to what is there`() {
    func groups(_ tape: Tape) -> Indices { tape.indices([0, 1, 1]) }
    #expect(
      Self.check([(3, 16), (2, 40)]) { tape, x in
        let y = tape.modulate(x[0], by: x[1], groups: groups(tape), shift: 3, scale: 22)
        return tape.gatedAdd(y, x[0], by: x[1], groups: groups(tape), gate: 5)
      } < 1e-3)
    #expect(
      Self.check([(3, 16), (2, 40)]) { tape, x in
        let y = tape.gatedAdd(x[0], x[0], by: x[1], groups: groups(tape), gate: 5)
        return tape.add(
          y, tape.modulate(x[0], by: x[1], groups: groups(tape), shift: 3, scale: 22))
      } < 1e-3)
    #expect(Self.check([(3, 7)]) { $0.concatenate($1[0], $0.concatenate($1[0], $1[0])) } < 1e-3)
    #expect(
      Self.check([(3, 7)]) { $0.add($0.prefix($1[0], rows: 2), $0.prefix($1[0], rows: 2)) } < 1e-3)
    #expect(Self.check([(3, 7)]) { $0.add($1[0], $1[0]) } < 1e-3)
    #expect(
      Self.check([(6, 96)]) { tape, x in
        let segments = tape.segments(
          tokensPerLatent: 2, promptLengths: [4], latentsOfPrompt: [1], heads: 2, width: 32)
        return tape.add(tape.attend(x[0], segments), tape.attend(x[0], segments))
      } < 2e-3)
  }

  @Test func gather() {
    #expect(Self.check([(4, 5)]) { $0.gather($1[0], rows: $0.indices([2, 0, 2, 3, 3, 3])) } < 1e-3)
  }

  @Test func concatenate() {
    #expect(Self.check([(2, 5), (3, 5)]) { $0.concatenate($1[0], $1[1]) } < 1e-3)
  }

  @Test func prefix() { #expect(Self.check([(4, 5)]) { $0.prefix($1[0], rows: 2) } < 1e-3) }

  @Test func modulate() {
    #expect(
      Self.check([(6, 16), (2, 40)]) {
        $0.modulate($1[0], by: $1[1], groups: $0.indices([0, 0, 1, 1, 0, 1]), shift: 3, scale: 22)
      } < 1e-3)
  }

  @Test func `gated add`() {
    #expect(
      Self.check([(6, 16), (6, 16), (2, 40)]) {
        $0.gatedAdd($1[0], $1[1], by: $1[2], groups: $0.indices([0, 0, 1, 1, 0, 1]), gate: 5)
      } < 1e-3)
  }

  @Test(arguments: [([3, 5], [2, 1]), ([0], [3]), ([20], [2]), ([4, 1, 2], [0, 2, 1])])
  func attend(lengths: [Int], latents: [Int]) {
    let tokens = 3 * latents.reduce(0, +) + lengths.reduce(0, +)
    #expect(
      Self.check([(tokens, 96)]) { tape, x in
        tape.attend(
          x[0],
          tape.segments(
            tokensPerLatent: 3, promptLengths: lengths, latentsOfPrompt: latents, heads: 2,
            width: 32))
      } < 2e-3)
  }
}
