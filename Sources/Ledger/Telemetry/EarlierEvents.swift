import Foundation

/// Which points the events files of earlier lives hold, as a reader of all of them sees it: what a
/// later file declares void is not there.
final class EarlierEvents {
  static let prefix = "events.out.tfevents."

  private struct Place {
    var version: UInt64
    var file: Int
    /// The bytes of the record's message.
    var bytes: Range<Int>
  }

  /// The second in the newest file's name; nil where there is no file.
  let newestSecond: Int?
  private let files: [Data]
  /// In the order in which they were written.
  private let places: [Place]
  let newestVersion: UInt64
  private var known: [UInt64: Set<String>] = [:]

  /// - Parameter committed: versions beyond it are void now.
  init(in directory: String, committed: UInt64) {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
      .filter { $0.hasPrefix(Self.prefix) }.sorted()
    newestSecond = names.compactMap { name in
      name.dropFirst(Self.prefix.count).split(separator: ".").first.flatMap { Int($0) }
    }.max()
    files = names.map { name in
      let place = URL(fileURLWithPath: "\(directory)/\(name)")
      return (try? Data(contentsOf: place, options: .mappedIfSafe)) ?? Data()
    }
    var places: [Place] = []
    for (file, data) in files.enumerated() {
      for bytes in Self.records(in: data) {
        // Behind the time and the step comes what can be long.
        let head = Self.slice(data, bytes.lowerBound..<min(bytes.upperBound, bytes.lowerBound + 32))
        var step: UInt64 = 0
        var isStart = false
        for field in ProtobufFields(of: head) {
          if case (2, .varint(let value)) = field { step = value }
          if case (7, .bytes) = field { isStart = true }
        }
        if isStart {
          places.removeAll { $0.version >= step }
        } else {
          places.append(Place(version: step, file: file, bytes: bytes))
        }
      }
    }
    places.removeAll { $0.version > committed }
    self.places = places
    newestVersion = places.map(\.version).max() ?? 0
  }

  /// The tags that have a point at this version.
  func tags(at version: UInt64) -> Set<String> {
    if places.isEmpty || version > newestVersion { return [] }
    if let tags = known[version] { return tags }
    var tags: Set<String> = []
    for place in places where place.version == version {
      for case (5, .bytes(let summary)) in ProtobufFields(
        of: Self.slice(files[place.file], place.bytes))
      {
        for case (1, .bytes(let value)) in ProtobufFields(of: summary) {
          for case (1, .bytes(let tag)) in ProtobufFields(of: value) {
            tags.insert(String(decoding: tag, as: UTF8.self))
          }
        }
      }
    }
    known[version] = tags
    return tags
  }

  /// Where the messages of whole records lie.
  private static func records(in data: Data) -> [Range<Int>] {
    var records: [Range<Int>] = []
    var place = 0
    while place + 16 <= data.count {
      let length = slice(data, place..<place + 8).reversed().reduce(UInt64(0)) {
        $0 << 8 | UInt64($1)
      }
      guard length <= UInt64(data.count - place - 16) else { break }
      records.append(place + 12..<place + 12 + Int(length))
      place += 16 + Int(length)
    }
    return records
  }

  private static func slice(_ data: Data, _ range: Range<Int>) -> ArraySlice<UInt8> {
    [UInt8](data[range])[...]
  }
}
