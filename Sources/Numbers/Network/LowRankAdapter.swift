package import Tensor

/// A low-rank adapter of some linear layers of a network whose own weights W are frozen (LoRA, Hu et al.
/// 2021, arXiv:2106.09685).
///
///     W′ = W + s·(B·A)ᵀ,   s = α / r,   A `[r, inputs]`, B `[outputs, r]`, W `[inputs, outputs]`
///
/// A and B have the names and shapes that PEFT gives them.
package struct LowRankAdapter: Hashable, Sendable {
  package struct Form: Hashable, Sendable {
    /// r.
    package var rank: Int
    /// α.
    package var alpha: Double
    /// The layers that have one: their names, or what ends these behind a dot.
    package var targets: [String]

    package init(rank: Int, alpha: Double, targets: [String]) {
      (self.rank, self.alpha, self.targets) = (rank, alpha, targets)
    }

    /// s.
    package var scale: Float { Float(alpha / Double(rank)) }
  }

  /// Where a layer's W stands among the network's parameters, and its A and B among the adapter's.
  private struct Layer: Hashable {
    let weight, a, b: ParameterTable.Entry
  }

  package let form: Form
  private let layers: [Layer]
  /// A and B of every layer, in the network's order.
  package let manifest: ParameterManifest
  /// Of the largest W, and of its longest side.
  private let largest, longest: Int

  /// - Parameter network: the parameters of the network.
  /// - Precondition: every target names a layer; see ``target(of:thatIsNoLayerOf:)``.
  package init(_ form: Form, of network: ParameterTable) {
    precondition(Self.target(of: form, thatIsNoLayerOf: network) == nil, "a target is no layer")
    var table = ParameterTable()
    var layers: [Layer] = []
    for weight in network.entries {
      guard let name = Self.layer(of: weight),
        form.targets.contains(where: { Self.isNamed(name, by: $0) })
      else { continue }
      layers.append(
        Layer(
          weight: weight,
          a: table.add("\(name).lora_A.weight", rows: form.rank, columns: weight.rows),
          b: table.add("\(name).lora_B.weight", rows: weight.columns, columns: form.rank)))
    }
    self.form = form
    self.layers = layers
    manifest = ParameterManifest(
      table.entries.map { ParameterManifest.Entry(name: $0.name, shape: [$0.rows, $0.columns]) })
    largest = layers.map(\.weight.count).max() ?? 0
    longest = layers.map { max($0.weight.rows, $0.weight.columns) }.max() ?? 0
  }

  /// The linear layers of a network, which an adapter may have as targets.
  package static func layers(of network: ParameterTable) -> [String] {
    network.entries.compactMap(layer)
  }

  private static func layer(of entry: ParameterTable.Entry) -> String? {
    entry.name.hasSuffix(".weight") ? String(entry.name.dropLast(7)) : nil
  }

  private static func isNamed(_ layer: String, by target: String) -> Bool {
    layer == target || layer.hasSuffix(".\(target)")
  }

  /// The first target that names no layer; nil where all do.
  package static func target(of form: Form, thatIsNoLayerOf network: ParameterTable) -> String? {
    let layers = layers(of: network)
    return form.targets.first { target in !layers.contains { isNamed($0, by: target) } }
  }

  /// What it begins with: A is N(0, 1 / (3·inputs)), as wide as PEFT draws it, and B is zero, so that W′ = W.
  package func initialParameters(seed: UInt64) -> Buffer {
    let philox = Philox(seed: seed)
    let parameters = Buffer(count: manifest.count)
    for (index, layer) in layers.enumerated() {
      let deviation = 1 / Float(3 * layer.a.columns).squareRoot()
      let noise = philox.normals(
        at: NoiseAddress(unit: UInt64(index), purpose: .adapter), count: layer.a.count)
      layer.a.view(in: parameters).assign(noise.map { $0 * deviation })
    }
    return parameters
  }

  /// W′ of every layer, and what is frozen beside them. Where B is zero, nothing is added: with all of
  /// them zero it is `base` itself.
  package func merged(_ adapter: Buffer, into base: Buffer) -> Buffer {
    let moved = layers.filter { !$0.b.view(in: adapter).scalars.allSatisfy { $0 == 0 } }
    if moved.isEmpty { return base }
    let result = base.copy()
    let (memory, zeros) = (Buffer(count: largest), Buffer(count: longest))
    for layer in moved {
      let weight = layer.weight.view(in: result)
      let product = memory.matrix(at: 0, rows: weight.rows, columns: weight.columns)
      product.setProduct(
        transposed: layer.a.view(in: adapter), transposed: layer.b.view(in: adapter),
        zeros: zeros.row)
      weight.add(product, times: form.scale)
    }
    return result
  }

  /// Adds ∂L/∂A = s·Bᵀ·(∂L/∂W′)ᵀ and ∂L/∂B = s·(∂L/∂W′)ᵀ·Aᵀ.
  ///
  /// - Parameter slopes: ∂L/∂W′ of all of the network's parameters.
  package func pullBack(_ slopes: Buffer, at adapter: Buffer, addingTo gradient: Buffer) {
    let memory = Buffer(count: longest * form.rank)
    let zeros = Buffer(count: max(longest, form.rank))
    for layer in layers {
      let slope = layer.weight.view(in: slopes)
      let (a, b) = (layer.a.view(in: adapter), layer.b.view(in: adapter))
      let da = memory.matrix(at: 0, rows: a.rows, columns: a.columns)
      da.setProduct(transposed: b, transposed: slope, zeros: zeros.row)
      layer.a.view(in: gradient).add(da, times: form.scale)
      let db = memory.matrix(at: 0, rows: b.rows, columns: b.columns)
      db.setProduct(transposed: slope, transposed: a, zeros: zeros.row)
      layer.b.view(in: gradient).add(db, times: form.scale)
    }
  }
}

extension ParameterManifest {
  /// Whether every tensor is the A or the B of a low-rank adapter, as their names say.
  package var isAdapter: Bool {
    entries.allSatisfy { Self.part(of: $0) != nil } && entries.contains { Self.part(of: $0) == "B" }
  }

  /// Parameters with the adapter off: every B is zero, so that the model is what the adapter is added to.
  /// Those of a model that is no adapter stay what they are.
  package func adapterOff(_ parameters: Buffer) -> Buffer {
    let result = parameters.copy()
    guard isAdapter else { return result }
    var offset = 0
    for entry in entries {
      if Self.part(of: entry) == "B" {
        result.matrix(at: offset, rows: 1, columns: entry.count).clear()
      }
      offset += entry.count
    }
    return result
  }

  private static func part(of entry: Entry) -> String? {
    for part in entry.name.split(separator: ".") {
      if part == "lora_A" { return "A" }
      if part == "lora_B" { return "B" }
    }
    return nil
  }
}
