import CKernels

extension KernelCase {
  /// The linear layers of a network in the three forms in which training needs them:
  /// y = b + x·W, dx = dy·Wᵀ and dW += xᵀ·dy.
  static func products(of configuration: ModelConfiguration) -> [KernelCase] {
    var seen: Set<[Int]> = []
    return configuration.products(rows: configuration.rowsPerCall)
      .filter { !$0.isAttention && seen.insert([$0.rows, $0.columns, $0.inner]).inserted }
      .flatMap { product(configuration.name, $0) }
  }

  private static func product(
    _ name: String, _ product: ModelConfiguration.Product
  ) -> [KernelCase] {
    let (m, n, k) = (product.rows, product.columns, product.inner)
    let memory = KernelOperands([m * k, k * n, m * n, max(n, k)])
    let (x, weight, y, bias) = (memory[0], memory[1], memory[2], memory[3])
    let operations = 2 * Double(m) * Double(n) * Double(k)
    func form(
      _ form: String, rows: Int, _ call: @escaping (CKernels) -> Void
    ) -> KernelCase {
      KernelCase(
        kernel: "multiply", size: "\(name) \(m)×\(n)×\(k) \(form)", rows: rows,
        bound: .arithmetic(operations: operations)
      ) { [memory] kernels in withExtendedLifetime(memory) { call(kernels) } }
    }
    return [
      form("y", rows: m) { $0.multiply(x, k, 1, weight, n, 1, bias, y, m, k, n) },
      form("dx", rows: m) { $0.multiply(y, n, 1, weight, 1, n, bias, x, m, n, k) },
      form("dW", rows: k) { $0.multiply(x, 1, k, y, n, 1, nil, weight, k, m, n) },
    ]
  }
}
