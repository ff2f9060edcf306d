package import Autograd
package import Tensor

/// A velocity network: a diffusion transformer with adaLN-zero (Peebles & Xie 2022,
/// arXiv:2212.09748) over the tokens of latents and of their prompts.
///
/// Latent tokens are conditioned on σ and attend to their prompt and to themselves. Prompt tokens
/// pass through the same blocks, conditioned on a learned constant, and attend to the prompt
/// alone: their part of a call does not depend on the latents or on σ, so all rows of a unit share
/// it. The last layer starts at zero, so an untrained network predicts v = 0.
package struct DiT: Sendable {
  package struct Shape: Hashable, Sendable {
    package var latentTokens: Int
    package var latentChannels: Int
    /// Words of the prompts' vocabulary; 0 for a network without prompts.
    package var vocabulary: Int
    package var longestPrompt: Int
    package var width: Int
    package var depth: Int
    package var heads: Int

    package init(
      latentTokens: Int, latentChannels: Int, vocabulary: Int, longestPrompt: Int, width: Int,
      depth: Int, heads: Int
    ) {
      self.latentTokens = latentTokens
      self.latentChannels = latentChannels
      self.vocabulary = vocabulary
      self.longestPrompt = longestPrompt
      self.width = width
      self.depth = depth
      self.heads = heads
    }

    /// D: scalars of one latent.
    package var latentCount: Int { latentTokens * latentChannels }

    /// One line that names the architecture; part of the model's hash.
    package var description: String {
      "dit latent \(latentTokens)x\(latentChannels) words \(vocabulary) prompt \(longestPrompt)"
        + " width \(width) depth \(depth) heads \(heads)"
    }
  }

  /// The parameters of one block.
  private struct Block {
    let modulation, qkv, attentionOut, mlpIn, mlpOut: ParameterTable.Linear
  }

  package let shape: Shape
  package let table: ParameterTable
  private let latentIn0, latentIn1, time0, time1, finalModulation, latentOut: ParameterTable.Linear
  private let latentPosition, words, wordPosition, promptCondition: ParameterTable.Entry
  private let blocks: [Block]

  package init(_ shape: Shape) {
    let width = shape.width
    var table = ParameterTable()
    latentIn0 = table.addLinear("latent_in.0", inputs: shape.latentChannels, outputs: width)
    latentIn1 = table.addLinear("latent_in.1", inputs: width, outputs: width)
    latentPosition = table.add("latent_position", rows: shape.latentTokens, columns: width)
    words = table.add("words", rows: max(shape.vocabulary, 1), columns: width)
    wordPosition = table.add("word_position", rows: max(shape.longestPrompt, 1), columns: width)
    time0 = table.addLinear("time.0", inputs: Self.timeFeatures, outputs: width)
    time1 = table.addLinear("time.1", inputs: width, outputs: width)
    promptCondition = table.add("prompt_condition", rows: 1, columns: width)
    blocks = (0..<shape.depth).map { block in
      let name = "blocks.\(block)"
      return Block(
        modulation: table.addLinear("\(name).modulation", inputs: width, outputs: 6 * width),
        qkv: table.addLinear("\(name).qkv", inputs: width, outputs: 3 * width),
        attentionOut: table.addLinear("\(name).attention_out", inputs: width, outputs: width),
        mlpIn: table.addLinear("\(name).mlp_in", inputs: width, outputs: 4 * width),
        mlpOut: table.addLinear("\(name).mlp_out", inputs: 4 * width, outputs: width))
    }
    finalModulation = table.addLinear("final.modulation", inputs: width, outputs: 2 * width)
    latentOut = table.addLinear("latent_out", inputs: width, outputs: shape.latentChannels)
    self.shape = shape
    self.table = table
  }

  /// Sinusoids of σ that the time network reads.
  package static let timeFeatures = 64

  /// v(x, σ | prompt), `[R·N, channels]`.
  ///
  /// - Parameters:
  ///   - input: R latents with their times and prompts.
  ///   - weights: all parameters, in the order of ``table``.
  ///   - gradients: where `backward` adds ∂L/∂parameter; nil for inference.
  package func velocity(
    of input: VelocityInput, weights: Buffer, gradients: Buffer? = nil, on tape: Tape
  ) -> Variable {
    precondition(weights.count == table.count, "\(weights.count) weights for \(table.count)")
    func parameter(_ entry: ParameterTable.Entry) -> Variable {
      tape.parameter(entry.view(in: weights), gradient: gradients.map { entry.view(in: $0) })
    }
    func linear(_ layer: ParameterTable.Linear, _ x: Variable) -> Variable {
      tape.linear(x, weight: parameter(layer.weight), bias: parameter(layer.bias))
    }
    let layout = TokenLayout(of: input, for: shape, on: tape)

    // Tokens: latents, then prompts.
    let latents = tape.scratch(rows: layout.positions.count, columns: shape.latentChannels)
    latents.assign(input.latents)
    var x = tape.add(
      linear(latentIn1, tape.gelu(linear(latentIn0, tape.constant(latents)))),
      tape.gather(parameter(latentPosition), rows: layout.positions))
    if layout.words.count > 0 {
      let prompts = tape.add(
        tape.gather(parameter(words), rows: layout.words),
        tape.gather(parameter(wordPosition), rows: layout.places))
      x = tape.concatenate(x, prompts)
    }

    // Conditions: one row for each distinct σ, then the prompts' constant.
    let features = tape.scratch(rows: layout.sigmas.rows, columns: Self.timeFeatures)
    Self.writeFeatures(of: layout.sigmas, to: features)
    let time = linear(time1, tape.silu(linear(time0, tape.constant(features))))
    let condition = tape.silu(tape.concatenate(time, parameter(promptCondition)))

    let (groups, width) = (layout.conditions, shape.width)
    for block in blocks {
      // Columns: shift, scale and gate of attention, then of the MLP. Without a backward pass the
      // residual stream stays in place and the rest of a block's memory is used again.
      x = tape.block {
        let modulation = linear(block.modulation, condition)
        var h = tape.modulate(x, by: modulation, groups: groups, shift: 0, scale: width)
        h = linear(block.attentionOut, tape.attend(linear(block.qkv, h), layout.segments))
        let y = tape.gatedAdd(x, h, by: modulation, groups: groups, gate: 2 * width)
        h = tape.modulate(y, by: modulation, groups: groups, shift: 3 * width, scale: 4 * width)
        h = linear(block.mlpOut, tape.gelu(linear(block.mlpIn, h)))
        return tape.gatedAdd(y, h, by: modulation, groups: groups, gate: 5 * width)
      }
    }
    let last = tape.prefix(x, rows: latents.rows)
    let modulation = linear(finalModulation, condition)
    return linear(
      latentOut,
      tape.modulate(
        last, by: modulation, groups: groups.prefix(last.rows), shift: 0, scale: width))
  }
}
