import CKernels
import Testing

import Tensor

/// The promise behind the numerics class: every kernel gives the same bits in every kernel set.
struct KernelSetTests {
  static func random(_ count: Int, _ unit: UInt64) -> [Float] {
    Philox(seed: 77).normals(at: NoiseAddress(unit: unit, purpose: .pretraining), count: count)
  }

  /// Runs `body` with each set and compares the bits it leaves in its outputs.
  static func same(
    _ name: String, outputs: [Int], _ body: (CKernels, [UnsafeMutablePointer<Float>]) -> Void
  ) {
    let results = Kernels.available.map { table in
      let memory = outputs.enumerated().map { index, count in
        let pointer = UnsafeMutablePointer<Float>.allocate(capacity: count)
        pointer.initialize(from: random(count, UInt64(1000 + index)), count: count)
        return pointer
      }
      defer { for pointer in memory { pointer.deallocate() } }
      body(table.pointee, memory)
      return zip(memory, outputs).map { pointer, count in
        UnsafeBufferPointer(start: pointer, count: count).map(\.bitPattern)
      }
    }
    for (table, result) in zip(Kernels.available, results).dropFirst() {
      #expect(result == results[0], "\(name): \(String(cString: table.pointee.name)) differs")
    }
  }

  @Test(arguments: 0..<20) func `elementwise kernels`(seed: Int) {
    let n = 61
    let x = Self.random(n, UInt64(seed)).map { $0 * 4 }, dy = Self.random(n, UInt64(seed + 100))
    Self.same("gelu", outputs: [n]) { $0.gelu(x, $1[0], n) }
    Self.same("gelu gradient", outputs: [n]) { $0.gelu_gradient(x, dy, $1[0], n) }
    Self.same("gelu gradient in place", outputs: [n]) { $0.gelu_gradient_in_place(x, $1[0], n) }
    Self.same("silu", outputs: [n]) { $0.silu(x, $1[0], n) }
    Self.same("silu gradient", outputs: [n]) { $0.silu_gradient(x, dy, $1[0], n) }
    Self.same("add scaled", outputs: [n]) { $0.add_scaled(0.3, x, $1[0], n) }
    Self.same("approach", outputs: [n]) { $0.approach(0.1, x, $1[0], n) }
    Self.same("transition", outputs: [n]) { $0.transition(0.9, x, -0.1, dy, 0.4, x, $1[0], n) }
    Self.same("sum rows", outputs: [6]) { $0.sum_rows(x, $1[0], 10, 6) }
    Self.same("sum of squares", outputs: [1]) {
      // Both halves of the double, as one float each would hide the last bits.
      let sum = $0.sum_of_squares(x, n)
      $1[0][0] = Float(bitPattern: UInt32(truncatingIfNeeded: sum.bitPattern) & 0x007f_ffff)
    }
    Self.same("adamw", outputs: [n, n]) { kernels, out in
      var second = dy.map { $0 * $0 }
      kernels.adamw(out[0], x, out[1], &second, n, 0.5, 1e-3, 0.9, 0.99, 1e-8, 0.01, 2, 3)
    }
  }

  @Test(arguments: [(1, 1, 1), (13, 10, 64), (25, 600, 33), (48, 64, 192)])
  func products(m: Int, k: Int, n: Int) {
    let a = Self.random(m * k, 1), b = Self.random(k * n, 2), bias = Self.random(n, 3)
    Self.same("product", outputs: [m * n]) {
      $0.multiply(a, k, 1, b, n, 1, bias, $1[0], m, k, n)
    }
  }

  @Test func `modulation and gates`() {
    let (rows, width, stride) = (9, 48, 3 * 48)
    let x = Self.random(rows * width, 1), dy = Self.random(rows * width, 2)
    let m = Self.random(2 * stride, 3)
    let groups: [Int32] = [0, 1, 1, 0, 0, 1, 0, 1, 1]
    var (mean, inverse) = ([Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows))
    Self.same("modulate", outputs: [rows * width]) {
      $0.modulate(x, m, Array(m[width...]), stride, groups, $1[0], &mean, &inverse, rows, width)
    }
    for adds in [false, true] {
      Self.same("modulate gradient", outputs: [rows * width, 2 * stride, 2 * stride]) {
        $0.modulate_gradient(
          x, Array(m[width...]), stride, groups, mean, inverse, dy, $1[0], $1[1], $1[2], rows,
          width, adds)
      }
      Self.same("gated add gradient", outputs: [rows * width, 2 * stride]) {
        $0.gated_add_gradient(x, m, stride, groups, dy, $1[0], $1[1], rows, width, adds)
      }
    }
    Self.same("gated add", outputs: [rows * width]) {
      $0.gated_add(x, dy, m, stride, groups, $1[0], rows, width)
    }
  }

  @Test func attention() {
    let prompts: [Int32] = [9, 13, 13], latents: [Int32] = [0, 2, 3]
    let (tokens, width, padded) = (13, 32, 16)
    let qkv = Self.random(tokens * 3 * width, 1), dy = Self.random(tokens * width, 2)
    prompts.withUnsafeBufferPointer { prompts in
      latents.withUnsafeBufferPointer { latents in
        var segments = CKernelsSegments(
          latents: 3, tokens: 3, prompts: 2, heads: 2, width: Int32(width),
          prompt_offset: prompts.baseAddress, latent_offset: latents.baseAddress)
        let scratch = UnsafeMutablePointer<Float>.allocate(
          capacity: 16 * (padded + 16) + padded + 10 * padded)
        defer { scratch.deallocate() }
        var weights = [Float](repeating: 0, count: tokens * 2 * padded)
        Self.same("attend", outputs: [tokens * width]) {
          $0.attend(&segments, qkv, $1[0], &weights, scratch, padded)
        }
        Self.same("attend gradient", outputs: [tokens * 3 * width]) {
          $0.attend_gradient(&segments, qkv, weights, dy, $1[0], scratch, padded)
        }
      }
    }
  }
}
