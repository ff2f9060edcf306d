import Foundation
import Tensor
import TestSupport
import Testing

import Autograd

struct AttentionTests {
  /// Softmax attention written out, with the visibility rule as a predicate on token pairs.
  func literal(_ qkv: [Float], _ s: Segments, owner: [(prompt: Int, latent: Int?)]) -> [Float] {
    let head = s.width / s.heads
    var out = [Float](repeating: 0, count: s.tokens * s.width)
    func at(_ token: Int, _ part: Int, _ h: Int, _ d: Int) -> Double {
      Double(qkv[token * 3 * s.width + part * s.width + h * head + d])
    }
    for h in 0..<s.heads {
      for i in 0..<s.tokens {
        let visible = (0..<s.tokens).filter { j in
          owner[i].prompt == owner[j].prompt
            && (owner[j].latent == nil || owner[j].latent == owner[i].latent)
        }
        let scores = visible.map { j in
          (0..<head).reduce(0.0) { $0 + at(i, 0, h, $1) * at(j, 1, h, $1) }
            / Double(head).squareRoot()
        }
        let total = scores.reduce(0) { $0 + exp($1) }
        for d in 0..<head {
          let sum = zip(visible, scores).reduce(0.0) { $0 + exp($1.1) / total * at($1.0, 2, h, d) }
          out[i * s.width + h * head + d] = Float(sum)
        }
      }
    }
    return out
  }

  @Test func `matches the literal sum`() {
    let tape = Tape(recording: false)
    let s = tape.segments(
      tokensPerLatent: 5, promptLengths: [9, 0, 14], latentsOfPrompt: [3, 1, 2], heads: 4, width: 64
    )
    var owner: [(prompt: Int, latent: Int?)] = []
    var latent = 0
    for (prompt, count) in [3, 1, 2].enumerated() {
      for _ in 0..<count {
        owner += Array(repeating: (prompt, latent), count: 5)
        latent += 1
      }
    }
    for (prompt, length) in [9, 0, 14].enumerated() {
      owner += Array(repeating: (prompt, nil), count: length)
    }
    let qkv = Philox(seed: 8).normals(
      at: NoiseAddress(unit: 0, purpose: .initialisation), count: s.tokens * 3 * s.width)
    let input = tape.input(Buffer(qkv).matrix(at: 0, rows: s.tokens, columns: 3 * s.width))
    let out = tape.attend(input, s).value.scalars
    #expect(worstDeviation(out, literal(qkv, s, owner: owner)) < 2e-6)
  }
}
