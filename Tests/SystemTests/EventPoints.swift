import Foundation

/// The points of a run's events files as a reader sees them that obeys session starts: it shares no
/// code with what writes them.
struct EventPoints {
  /// By tag and step; a point that is there twice has two values.
  private(set) var scalars: [String: [UInt64: [Double]]] = [:]
  /// Histograms, pictures and texts: how many of each.
  private(set) var others: [String: [UInt64: Int]] = [:]

  var tags: Set<String> { Set(scalars.keys).union(others.keys) }

  init(of run: String) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: run)
      .filter { $0.hasPrefix("events.out.tfevents.") }.sorted()
    for name in names {
      var rest = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(run)/\(name)")))[...]
      while rest.count >= 16 {
        let length = Int(Self.number(rest.prefix(8)))
        guard rest.count >= length + 16 else { break }
        add(rest.dropFirst(12).prefix(length))
        rest = rest.dropFirst(16 + length)
      }
    }
  }

  private mutating func add(_ event: ArraySlice<UInt8>) {
    var step: UInt64 = 0
    for field in Self.fields(event) {
      if field.number == 2 { step = field.value }
      // The only session log that is written says that a life starts.
      if field.number == 7 {
        for tag in scalars.keys { scalars[tag] = scalars[tag]?.filter { $0.key < step } }
        for tag in others.keys { others[tag] = others[tag]?.filter { $0.key < step } }
      }
      guard field.number == 5 else { continue }
      for value in Self.fields(field.bytes) where value.number == 1 {
        let parts = Self.fields(value.bytes)
        let tag = String(
          decoding: parts.first { $0.number == 1 }?.bytes ?? [], as: UTF8.self)
        if let scalar = parts.first(where: { $0.number == 2 }) {
          let number = Float(bitPattern: UInt32(truncatingIfNeeded: scalar.value))
          scalars[tag, default: [:]][step, default: []].append(Double(number))
        } else {
          others[tag, default: [:]][step, default: 0] += 1
        }
      }
    }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func fields(_ message: ArraySlice<UInt8>)
    -> [(number: UInt64, value: UInt64, bytes: ArraySlice<UInt8>)]
  {
    var rest = message
    func varint() -> UInt64 {
      var (value, shift): (UInt64, UInt64) = (0, 0)
      while let byte = rest.popFirst() {
        value |= UInt64(byte & 0x7f) << shift
        shift += 7
        if byte < 0x80 { break }
      }
      return value
    }
    var fields: [(number: UInt64, value: UInt64, bytes: ArraySlice<UInt8>)] = []
    while !rest.isEmpty {
      let key = varint()
      if key & 7 == 0 {
        fields.append((key >> 3, varint(), []))
        continue
      }
      let count = key & 7 == 2 ? Int(varint()) : key & 7 == 1 ? 8 : 4
      let bytes = rest.prefix(count)
      rest = rest.dropFirst(count)
      fields.append((key >> 3, key & 7 == 2 ? 0 : number(bytes), bytes))
    }
    return fields
  }
}
