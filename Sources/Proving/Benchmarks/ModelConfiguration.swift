import Learning
package import Network
import Tasks

/// A network that `bench model` measures.
package struct ModelConfiguration: Sendable {
  package let name: String
  package let shape: DiT.Shape
  /// Words of the prompt that all rows of a call share; 0 for conditioning on σ alone.
  package let promptTokens: Int
  /// Rows of one network call: about 512 tokens, or a unit's width for `S`.
  package let rowsPerCall: Int

  /// C1 … C4 and S, the network of the preset `shapes`.
  package static let all: [ModelConfiguration] = {
    func patches(_ name: String, tokens: Int, width: Int, depth: Int) -> ModelConfiguration {
      ModelConfiguration(
        name: name,
        shape: DiT.Shape(
          latentTokens: tokens, latentChannels: 12, vocabulary: 0, longestPrompt: 0, width: width,
          depth: depth, heads: 4), promptTokens: 0, rowsPerCall: max(1, 512 / tokens))
    }
    let shapes = Shapes()
    return [
      patches("C1", tokens: 64, width: 128, depth: 4),
      patches("C2", tokens: 64, width: 192, depth: 6),
      patches("C3", tokens: 64, width: 256, depth: 6),
      patches("C4", tokens: 256, width: 192, depth: 6),
      ModelConfiguration(
        name: "S", shape: .standard(for: shapes), promptTokens: shapes.longestPrompt,
        rowsPerCall: 64),
    ]
  }()

  /// The matrix products of one forward pass over `rows` latents: linear layers, then attention.
  ///
  /// Each is (times, rows, columns, inner); attention's products run per latent and head.
  func products(rows: Int) -> [Product] {
    let (w, n, p) = (shape.width, shape.latentTokens, promptTokens)
    let tokens = rows * n + p
    // The conditions of a call: one σ for each latent of C1 … C4, one σ and the prompt's for S.
    let conditions = promptTokens > 0 ? 2 : rows + 1
    let head = w / shape.heads
    var products = [
      Product(1, rows * n, w, shape.latentChannels),
      Product(1, conditions - 1, w, DiT.timeFeatures), Product(1, conditions - 1, w, w),
      Product(1, conditions, 2 * w, w), Product(1, rows * n, shape.latentChannels, w),
    ]
    for (columns, inner) in [(3 * w, w), (w, w), (4 * w, w), (w, 4 * w)] {
      products.append(Product(shape.depth, tokens, columns, inner))
    }
    products.append(Product(shape.depth, conditions, 6 * w, w))
    let calls = shape.depth * rows * shape.heads
    products.append(Product(calls, n, n + p, head, isAttention: true))
    products.append(Product(calls, n, head, n + p, isAttention: true))
    return products
  }

  /// Floating-point operations of the products of one forward pass over `rows` latents.
  package func operations(rows: Int) -> Double {
    products(rows: rows).reduce(0) { $0 + $1.operations }
  }

  struct Product: Sendable {
    let times: Int
    let rows: Int
    let columns: Int
    let inner: Int
    let isAttention: Bool

    init(_ times: Int, _ rows: Int, _ columns: Int, _ inner: Int, isAttention: Bool = false) {
      self.times = times
      self.rows = rows
      self.columns = columns
      self.inner = inner
      self.isAttention = isAttention
    }

    var operations: Double { 2 * Double(times) * Double(rows) * Double(columns) * Double(inner) }
  }
}
