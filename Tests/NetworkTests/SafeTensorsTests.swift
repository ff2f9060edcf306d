import Foundation
import Tensor
import Testing

import Network

struct SafeTensorsTests {
  static let file = SafeTensors(
    entries: [
      .init(name: "b", shape: [2, 3], scalars: [1, -2, 0.5, .leastNonzeroMagnitude, 1e38, -0.0]),
      .init(name: "a/\"x\"", shape: [], scalars: [7]),
      .init(name: "empty", shape: [0, 4], scalars: []),
    ], metadata: ["note": "π\n"])

  /// A file with this header and so many bytes of data.
  static func bytes(_ header: String, data: Int) -> [UInt8] {
    let json = Array(header.utf8)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: json.count >> (8 * $0)) }
    return length + json + Array(repeating: 0, count: data)
  }

  static func tensor(
    _ name: String = "t", dtype: String = "F32", shape: String, offsets: String
  ) -> String {
    "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
  }

  static func refuses(_ bytes: [UInt8]) -> Bool {
    do throws(SafeTensorsError) {
      _ = try SafeTensors(decoding: bytes)
      return false
    } catch {
      return true
    }
  }

  @Test func `what is written is read, bit for bit`() throws {
    let bytes = try Self.file.encoded()
    let read = try SafeTensors(decoding: bytes)
    #expect(read.metadata == Self.file.metadata)
    #expect(read.entries.map(\.name) == ["a/\"x\"", "b", "empty"])
    for entry in Self.file.entries {
      let other = try #require(read.entries.first { $0.name == entry.name })
      #expect(other.shape == entry.shape)
      #expect(other.scalars.map(\.bitPattern) == entry.scalars.map(\.bitPattern))
    }
    #expect(try SafeTensors(decoding: SafeTensors(entries: []).encoded()).entries.isEmpty)
  }

  @Test func `the format is the published one`() throws {
    let bytes = try SafeTensors(entries: [.init(name: "t", shape: [1], scalars: [1])]).encoded()
    let length = Int(bytes[0])
    #expect(bytes[1..<8].allSatisfy { $0 == 0 } && length % 8 == 0)
    let header = try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + length]))
    let fields = try #require((header as? [String: [String: Any]])?["t"])
    #expect(fields["dtype"] as? String == "F32")
    #expect(fields["shape"] as? [Int] == [1])
    #expect(fields["data_offsets"] as? [Int] == [0, 4])
    #expect(Array(bytes[(8 + length)...]) == [0, 0, 0x80, 0x3f])
  }

  @Test func `a file cut anywhere is refused`() throws {
    let bytes = try Self.file.encoded()
    for length in bytes.indices {
      #expect(Self.refuses(Array(bytes.prefix(length))), "\(length) of \(bytes.count) bytes")
    }
    #expect(Self.refuses(bytes + [0]), "and so is one with a byte too many")
  }

  @Test(arguments: [UInt64(0), 1, 1000, 1 << 20, (1 << 20) + 1, 1 << 62, 1 << 63, .max])
  func `a header length that lies is refused`(length: UInt64) throws {
    var bytes = try Self.file.encoded()
    for place in 0..<8 { bytes[place] = UInt8(truncatingIfNeeded: length >> UInt64(8 * place)) }
    #expect(Self.refuses(bytes))
  }

  @Test(arguments: [
    "", "[]", "3", "null", "{", "{\"t\":3}", "{\"t\":{}}", "\u{0}",
    "{\(tensor(shape: "[1]", offsets: "[0]"))}", "{\(tensor(shape: "[1]", offsets: "[0,4,8]"))}",
    "{\(tensor(shape: "[1]", offsets: "[0,8]"))}", "{\(tensor(shape: "[2]", offsets: "[0,4]"))}",
    "{\(tensor(shape: "[1]", offsets: "[4,8]"))}", "{\(tensor(shape: "[1]", offsets: "[4,0]"))}",
    "{\(tensor(shape: "[1]", offsets: "[-4,0]"))}",
    "{\(tensor(shape: "[-1]", offsets: "[0,4]"))}",
    "{\(tensor(shape: "[-1,-1]", offsets: "[0,4]"))}",
    "{\(tensor(shape: "[0,-1]", offsets: "[0,0]"))}",
    "{\(tensor(shape: "[1.5]", offsets: "[0,4]"))}",
    "{\(tensor(shape: "\"1\"", offsets: "[0,4]"))}",
    "{\(tensor(shape: "[4611686018427387905,4]", offsets: "[0,4]"))}",
    "{\(tensor(shape: "[9223372036854775807,9223372036854775807]", offsets: "[0,4]"))}",
    "{\(tensor(shape: "[-9223372036854775808,-1]", offsets: "[0,4]"))}",
    "{\(tensor(shape: "[99999999999999999999]", offsets: "[0,4]"))}",
    "{\(tensor(shape: "[1]", offsets: "[9223372036854775800,9223372036854775804]"))}",
    "{\(tensor(dtype: "F16", shape: "[2]", offsets: "[0,4]"))}",
    "{\(tensor(dtype: "f32", shape: "[1]", offsets: "[0,4]"))}",
  ])
  func `a header that lies is refused`(header: String) {
    #expect(Self.refuses(Self.bytes(header, data: 4)))
  }

  @Test func `the same header is accepted when it tells the truth`() throws {
    let header = "{\(Self.tensor(shape: "[1]", offsets: "[0,4]"))}"
    #expect(try SafeTensors(decoding: Self.bytes(header, data: 4)).entries.count == 1)
  }

  @Test func `tensors that share bytes or leave bytes out are refused`() {
    func pair(_ first: String, _ second: String) -> [UInt8] {
      let tensors = [
        Self.tensor("a", shape: "[2]", offsets: first),
        Self.tensor("b", shape: "[2]", offsets: second),
      ]
      return Self.bytes("{\(tensors.joined(separator: ","))}", data: 16)
    }
    #expect(!Self.refuses(pair("[0,8]", "[8,16]")))
    #expect(!Self.refuses(pair("[8,16]", "[0,8]")))
    #expect(Self.refuses(pair("[0,8]", "[0,8]")))
    #expect(Self.refuses(pair("[0,8]", "[4,12]")))
    #expect(Self.refuses(pair("[4,12]", "[8,16]")))
  }

  @Test func `a header nested very deep is refused`() {
    let nested = String(repeating: "[", count: 200_000)
    #expect(Self.refuses(Self.bytes(nested, data: 0)))
    #expect(Self.refuses(Self.bytes("{\"t\":" + nested, data: 0)))
  }

  @Test func `a network takes a file of its own shape and finite values, and no other`() throws {
    let network = DiTTests.network
    let weights = DiTTests.busyParameters()
    let file = network.safeTensors(weights)
    let read = try network.parameters(from: SafeTensors(decoding: file.encoded()))
    #expect(read.scalars == weights.scalars)
    func refusal(_ change: (inout SafeTensors) -> Void) -> SafeTensorsError? {
      var changed = file
      change(&changed)
      do throws(SafeTensorsError) {
        _ = try network.parameters(from: changed)
        return nil
      } catch {
        return error
      }
    }
    let name = file.entries[3].name
    for value in [Float.nan, .infinity, -.infinity] {
      #expect(refusal { $0.entries[3].scalars[0] = value } == .notFinite(name: name))
    }
    #expect(refusal { $0.entries.remove(at: 3) } == .missingTensor(name))
    let shape = file.entries[3].shape
    let found = Array(shape.reversed()) + [1]
    #expect(
      refusal { $0.entries[3].shape = found }
        == .wrongShape(name: name, found: found, expected: shape))
  }
}
