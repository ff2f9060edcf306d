import Autograd
import Tensor

/// What each token of one network call reads, in the memory of the call's tape.
///
/// Tokens are the R·N of the latents, then the words of the prompts; conditions are one row for
/// each distinct σ, then the prompts' constant.
struct TokenLayout {
  /// `[R·N]`: the place of each latent token in its latent.
  let positions: Indices
  /// `[ΣP]`: the words of the prompts, and the place of each in its prompt.
  let words: Indices
  let places: Indices
  /// `[distinct σ, 1]`, in order of appearance.
  let sigmas: Matrix
  /// `[R·N + ΣP]`: the condition of each token.
  let conditions: Indices
  let segments: Segments

  init(of input: VelocityInput, for shape: DiT.Shape, on tape: Tape) {
    let (rows, perLatent) = (input.sigmas.count, shape.latentTokens)
    precondition(
      input.latents.count == rows * shape.latentCount,
      "\(input.latents.count) scalars for \(rows) latents of \(shape.latentCount)")
    precondition(input.latentsOfPrompt.reduce(0, +) == rows, "every latent has one prompt")
    precondition(
      input.prompts.allSatisfy { $0.count <= shape.longestPrompt },
      "a prompt has more than \(shape.longestPrompt) words")

    positions = tape.indices(count: rows * perLatent) { add in
      for token in 0..<rows * perLatent { add(token % perLatent) }
    }
    let wordCount = input.prompts.reduce(0) { $0 + $1.count }
    words = tape.indices(count: wordCount) { add in
      for prompt in input.prompts { for word in prompt { add(Int(word)) } }
    }
    places = tape.indices(count: wordCount) { add in
      for prompt in input.prompts { for place in prompt.indices { add(place) } }
    }

    let values = tape.scratch(rows: rows, columns: 1)
    var distinct = 0
    let conditionOfRow = tape.indices(count: rows) { add in
      for sigma in input.sigmas {
        let known = (0..<distinct).first { values[$0, 0] == sigma }
        if known == nil {
          values[distinct, 0] = sigma
          distinct += 1
        }
        add(known ?? distinct - 1)
      }
    }
    sigmas = values.slice(rows: 0..<distinct)
    conditions = tape.indices(count: rows * perLatent + wordCount) { add in
      for row in 0..<rows { for _ in 0..<perLatent { add(conditionOfRow[row]) } }
      for _ in 0..<wordCount { add(distinct) }
    }

    segments = Segments(
      tokensPerLatent: perLatent,
      promptOffsets: tape.offsets(from: rows * perLatent, count: input.prompts.count) {
        input.prompts[$0].count
      },
      latentOffsets: tape.offsets(from: 0, count: input.latentsOfPrompt.count) {
        input.latentsOfPrompt[$0]
      }, heads: shape.heads, width: shape.width)
  }
}
