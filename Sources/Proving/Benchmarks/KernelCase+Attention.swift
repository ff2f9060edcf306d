import CKernels
import Network

extension KernelCase {
  /// Attention of one block of a network and its gradient. Operations are those of its products:
  /// two for the values, four for the gradients.
  static func attention(of configuration: ModelConfiguration) -> [KernelCase] {
    let (shape, latents) = (configuration.shape, configuration.rowsPerCall)
    let (n, p, w) = (shape.latentTokens, configuration.promptTokens, shape.width)
    let tokens = latents * n + p, padded = (n + p + 15) / 16 * 16, head = w / shape.heads
    let memory = KernelOperands([
      tokens * 3 * w, tokens * w, tokens * shape.heads * padded,
      head * (padded + 16) + max(padded, head) + max(n, p) * padded, tokens * 3 * w,
    ])
    let segments = KernelSegments(
      latents: latents, tokens: n, promptTokens: p, heads: shape.heads, width: w)
    let pairs = Double(latents * n * (n + p) + p * p)
    func attention(
      _ kernel: String, products: Double, _ call: @escaping (CKernels) -> Void
    ) -> KernelCase {
      KernelCase(
        kernel: kernel, size: "\(configuration.name) \(latents)×\(n) + \(p) tokens", rows: tokens,
        bound: .arithmetic(operations: products * 2 * pairs * Double(w))
      ) { [memory, segments] kernels in
        withExtendedLifetime((memory, segments)) { call(kernels) }
      }
    }
    let (qkv, out, weights, scratch, slope) = (
      memory[0], memory[1], memory[2], memory[3], memory[4]
    )
    let pointer = segments.pointer
    return [
      attention("attend", products: 2) { $0.attend(pointer, qkv, out, weights, scratch, padded) },
      attention("attend_gradient", products: 4) {
        $0.attend_gradient(pointer, qkv, weights, out, slope, scratch, padded)
      },
    ]
  }
}

/// Latents that share one prompt, as the kernels want them told.
private final class KernelSegments {
  let pointer: UnsafeMutablePointer<CKernelsSegments>
  private let offsets: UnsafeMutablePointer<Int32>

  init(latents: Int, tokens: Int, promptTokens: Int, heads: Int, width: Int) {
    let first = Int32(latents * tokens)
    let ends = [first, first + Int32(promptTokens), 0, Int32(latents)]
    offsets = .allocate(capacity: ends.count)
    offsets.initialize(from: ends, count: ends.count)
    pointer = .allocate(capacity: 1)
    pointer.initialize(
      to: CKernelsSegments(
        latents: Int32(latents), tokens: Int32(tokens), prompts: 1, heads: Int32(heads),
        width: Int32(width), prompt_offset: offsets, latent_offset: offsets + 2))
  }

  deinit {
    pointer.deallocate()
    offsets.deallocate()
  }
}
