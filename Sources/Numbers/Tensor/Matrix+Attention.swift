import CKernels

/// Which tokens of one network call see each other.
///
/// The token matrix holds R latents of N tokens, then the tokens of the prompts:
/// `[R·N + ΣP, width]`. A latent's tokens see its prompt and themselves; a prompt's tokens see the
/// prompt alone, so a prompt's part of the call does not depend on the latents.
package struct Segments {
  package let tokensPerLatent: Int
  package let heads: Int
  package let width: Int
  /// `[prompts + 1]`: the first token row of each prompt, and the end.
  package let promptOffsets: Indices
  /// `[prompts + 1]`: the first latent of each prompt, and the end.
  package let latentOffsets: Indices
  private let longestPrompt: Int

  package init(
    tokensPerLatent: Int, promptOffsets: Indices, latentOffsets: Indices, heads: Int, width: Int
  ) {
    precondition(
      heads > 0 && width % (16 * heads) == 0,
      "width \(width) over \(heads) heads: the head width must be a multiple of 16")
    precondition(promptOffsets.count == latentOffsets.count, "one latent count for each prompt")
    self.tokensPerLatent = tokensPerLatent
    self.heads = heads
    self.width = width
    self.promptOffsets = promptOffsets
    self.latentOffsets = latentOffsets
    var longest = 0
    for prompt in 1..<promptOffsets.count {
      precondition(
        promptOffsets[prompt] >= promptOffsets[prompt - 1]
          && latentOffsets[prompt] >= latentOffsets[prompt - 1], "offsets do not go back")
      longest = max(longest, promptOffsets[prompt] - promptOffsets[prompt - 1])
    }
    longestPrompt = longest
    precondition(
      latentOffsets[0] == 0 && promptOffsets[0] == latents * tokensPerLatent,
      "the prompts' tokens follow the latents'")
  }

  /// R.
  package var latents: Int { latentOffsets[latentOffsets.count - 1] }

  /// R·N + ΣP.
  package var tokens: Int { promptOffsets[promptOffsets.count - 1] }

  /// The longest list of keys, rounded up to whole registers of sixteen.
  package var paddedKeys: Int {
    (longestPrompt + tokensPerLatent + 15) / 16 * 16
  }

  /// Floats of scratch memory that attention needs.
  package var scratchCount: Int {
    let head = width / heads
    return head * (paddedKeys + 16) + max(paddedKeys, head)
      + max(tokensPerLatent, longestPrompt) * paddedKeys
  }

  func withC(_ body: (UnsafePointer<CKernelsSegments>) -> Void) {
    var segments = CKernelsSegments(
      latents: Int32(latents), tokens: Int32(tokensPerLatent),
      prompts: Int32(promptOffsets.count - 1), heads: Int32(heads), width: Int32(width),
      prompt_offset: promptOffsets.base, latent_offset: latentOffsets.base)
    body(&segments)
  }
}

extension Matrix {
  /// self ← softmax(q kᵀ / √(head width)) v, per head.
  ///
  /// - Parameters:
  ///   - qkv: `[tokens, 3 · width]`.
  ///   - weights: `[tokens, heads · paddedKeys]`, receives the probabilities.
  ///   - scratch: at least ``Segments/scratchCount`` floats.
  package func attend(_ qkv: Matrix, _ segments: Segments, weights: Matrix, scratch: Matrix) {
    precondition(
      qkv.rows == segments.tokens && qkv.columns == 3 * segments.width
        && count == segments.tokens * segments.width
        && weights.count == segments.tokens * segments.heads * segments.paddedKeys
        && scratch.count >= segments.scratchCount, "attention over \(segments.tokens) tokens")
    segments.withC {
      Kernels.table.pointee.attend(
        $0, qkv.base, base, weights.base, scratch.base, segments.paddedKeys)
    }
  }

  /// self (the gradient of qkv) ← the gradient of ``attend(_:_:weights:scratch:)``.
  package func attentionGradient(
    _ qkv: Matrix, _ segments: Segments, weights: Matrix, _ dy: Matrix, scratch: Matrix
  ) {
    precondition(
      count == qkv.count && dy.count == segments.tokens * segments.width
        && scratch.count >= segments.scratchCount, "attention over \(segments.tokens) tokens")
    segments.withC {
      Kernels.table.pointee.attend_gradient(
        $0, qkv.base, weights.base, dy.base, base, scratch.base, segments.paddedKeys)
    }
  }
}
