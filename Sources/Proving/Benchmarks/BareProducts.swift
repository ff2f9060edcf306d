import COpenBLAS

/// A configuration's own matrix products as bare `cblas_sgemm` calls on warm buffers: the rate that
/// a network is held against.
final class BareProducts {
  private let products: [ModelConfiguration.Product]
  private let a: UnsafeMutablePointer<Float>
  private let b: UnsafeMutablePointer<Float>
  private let c: UnsafeMutablePointer<Float>

  init(_ products: [ModelConfiguration.Product]) {
    self.products = products
    func buffer(_ count: (ModelConfiguration.Product) -> Int) -> UnsafeMutablePointer<Float> {
      let largest = products.map(count).max() ?? 1
      let memory = UnsafeMutableRawPointer.allocate(byteCount: 4 * largest, alignment: 64)
        .bindMemory(to: Float.self, capacity: largest)
      for index in 0..<largest { memory[index] = Float(index % 17) * 0.01 }
      return memory
    }
    a = buffer { $0.rows * $0.inner }
    b = buffer { $0.inner * $0.columns }
    c = buffer { $0.rows * $0.columns }
  }

  deinit {
    a.deallocate()
    b.deallocate()
    c.deallocate()
  }

  /// The products of a forward pass.
  func forward() {
    for product in products {
      for _ in 0..<product.times {
        Self.product(
          CblasNoTrans,
          product.isAttention && product.inner < product.columns
            ? CblasTrans : CblasNoTrans, product.rows, product.columns, product.inner, a, b, c)
      }
    }
  }

  /// The products of forward and backward: each has two gradients of the same size.
  func train() {
    forward()
    for product in products {
      let (m, n, k) = (product.rows, product.columns, product.inner)
      for _ in 0..<product.times {
        Self.product(CblasNoTrans, CblasTrans, m, k, n, c, b, a)
        Self.product(CblasTrans, CblasNoTrans, k, n, m, a, c, b)
      }
    }
    // Repeated products of products would overflow; start again from small numbers.
    for index in 0..<(products.map { $0.rows * $0.inner }.max() ?? 0) {
      a[index] = Float(index % 17) * 0.01
    }
    for index in 0..<(products.map { $0.inner * $0.columns }.max() ?? 0) {
      b[index] = Float(index % 17) * 0.01
    }
  }

  private static func product(
    _ ta: CBLAS_TRANSPOSE, _ tb: CBLAS_TRANSPOSE, _ m: Int, _ n: Int, _ k: Int,
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>
  ) {
    guard m > 0 else { return }
    cblas_sgemm(
      CblasRowMajor, ta, tb, blasint(m), blasint(n), blasint(k), 1, a,
      blasint(ta == CblasTrans ? m : k), b, blasint(tb == CblasTrans ? k : n), 0, c, blasint(n))
  }
}
