import Tensor
import Testing

import Network

/// What one flat buffer holds by name, also where no table of a network stands behind it.
struct ParameterManifestTests {
  static let manifest = ParameterManifest([
    .init(name: "scale", shape: []), .init(name: "up.weight", shape: [2, 3]),
    .init(name: "kernel", shape: [2, 1, 2]), .init(name: "nothing", shape: [0, 4]),
  ])

  static let values = Buffer((0..<11).map { Float($0) - 3.5 })

  @Test func `what is written is read, whatever order the file has`() throws {
    #expect(Self.manifest.count == 11)
    let file = Self.manifest.safeTensors(Self.values, metadata: ["note": "π"])
    #expect(file.metadata == ["note": "π"])
    #expect(file.entries.map(\.name) == Self.manifest.entries.map(\.name))
    #expect(file.entries.map(\.shape) == Self.manifest.entries.map(\.shape))
    #expect(file.entries.flatMap(\.scalars) == Self.values.scalars)
    var read = try SafeTensors(decoding: file.encoded())
    for _ in 0..<2 {
      #expect(try Self.manifest.parameters(from: read).scalars == Self.values.scalars)
      read.entries.reverse()
    }
    read.entries.append(.init(name: "other", shape: [1], scalars: [.nan]))
    #expect(try Self.manifest.parameters(from: read).scalars == Self.values.scalars)
  }

  @Test func `a network's manifest writes the network's file`() throws {
    let network = DiTTests.network
    let weights = DiTTests.busyParameters()
    let manifest = network.table.manifest
    #expect(manifest.count == network.table.count)
    let file = manifest.safeTensors(weights, metadata: ["architecture": network.shape.description])
    #expect(try file.encoded() == network.safeTensors(weights).encoded())
    #expect(file.entries.count == network.table.entries.count)
    for (tensor, entry) in zip(file.entries, network.table.entries) {
      #expect(tensor.name == entry.name)
      #expect(tensor.shape == (entry.rows == 1 ? [entry.columns] : [entry.rows, entry.columns]))
      #expect(tensor.scalars == entry.view(in: weights).scalars)
    }
  }

  @Test func `a tensor that is missing, of another shape or not finite is refused`() {
    func refusal(_ change: (inout SafeTensors) -> Void) -> SafeTensorsError? {
      var file = Self.manifest.safeTensors(Self.values)
      change(&file)
      do throws(SafeTensorsError) {
        _ = try Self.manifest.parameters(from: file)
        return nil
      } catch {
        return error
      }
    }
    #expect(refusal { _ in } == nil)
    for (place, entry) in Self.manifest.entries.enumerated() {
      #expect(refusal { $0.entries.remove(at: place) } == .missingTensor(entry.name))
      for found in [entry.shape + [1], [entry.count + 1], Array(entry.shape.dropLast()) + [5]] {
        #expect(
          refusal { $0.entries[place].shape = found }
            == .wrongShape(name: entry.name, found: found, expected: entry.shape))
      }
      for scalar in 0..<entry.count {
        for value in [Float.nan, .infinity, -.infinity] {
          #expect(
            refusal { $0.entries[place].scalars[scalar] = value } == .notFinite(name: entry.name))
        }
      }
    }
  }
}
