import Bytes
import Foundation

/// TensorBoard's `events.out.tfevents.…`: scalars, histograms, pictures and texts by version.
///
/// A file is a row of TFRecords: length, its checksum, an `Event` message, its checksum, with
/// checksums of CRC-32C, rotated and shifted. Every life of a learner writes a file of its own,
/// which begins by saying that later steps of earlier files are void; what those have is not written
/// again, so a reader of all files gets every point once.
///
/// Source: `event.proto`, `summary.proto` and `record_writer.cc` of TensorFlow, `plugin_data.proto`
/// of TensorBoard's hparams.
package final class EventsFile {
  private let handle: FileHandle
  private let clock: @Sendable () -> Double
  private let earlier: EarlierEvents
  /// What this life has written of the version that it wrote of last.
  private var written: (version: UInt64, tags: Set<String>) = (0, [])

  /// - Parameters:
  ///   - directory: the run folder.
  ///   - life: which life writes; a part of the file's name.
  ///   - committed: the version that the run stands at; later steps of earlier lives are void.
  ///   - clock: seconds since 1970.
  package init(
    directory: String, life: UInt64, committed: UInt64, clock: @escaping @Sendable () -> Double
  ) throws {
    earlier = EarlierEvents(in: directory, committed: committed)
    // Readers take the files in the order of their names, whatever clocks have done.
    let second = max(Int(clock()), earlier.newestSecond.map { $0 + 1 } ?? 0)
    let path = "\(directory)/\(EarlierEvents.prefix)\(second).tributary.\(life)"
    guard FileManager.default.createFile(atPath: path, contents: nil) else {
      throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path])
    }
    handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    self.clock = clock
    var version = ProtobufMessage()
    version.add(1, clock())
    version.add(3, "brain.Event:2")
    try write(version)
    guard committed > 0 || earlier.newestSecond != nil else { return }
    var session = ProtobufMessage()
    session.add(1, Int64(1))
    var start = ProtobufMessage()
    start.add(1, clock())
    start.add(2, Int64(committed) + 1)
    start.add(7, session)
    // TensorBoard takes the first start that it reads for the run's own, which voids nothing.
    for _ in 0..<2 { try write(start) }
  }

  /// The last version of which earlier lives have written something.
  package var reached: UInt64 { earlier.newestVersion }

  /// Whether no file has this point yet.
  package func lacks(_ tag: String, at version: UInt64) -> Bool {
    let isWritten = written.version == version && written.tags.contains(tag)
    return !isWritten && !earlier.tags(at: version).contains(tag)
  }

  /// Whether the point is to be written now: an update's line and an evaluation's share some tags.
  private func takes(_ tag: String, at version: UInt64) -> Bool {
    guard lacks(tag, at: version) else { return false }
    if written.version != version { written = (version, []) }
    written.tags.insert(tag)
    return true
  }

  /// One scalar for each entry.
  package func scalars(_ line: [String: Double], version: UInt64) throws {
    var summary = ProtobufMessage()
    for (name, number) in line.sorted(by: { $0.key < $1.key })
    where name != "version" && takes(name, at: version) {
      var value = ProtobufMessage()
      value.add(1, name)
      value.add(2, Float(number))
      summary.add(1, value)
    }
    if !summary.bytes.isEmpty { try write(summary, version: version) }
  }

  /// A PNG picture.
  package func picture(
    _ name: String, png: [UInt8], width: Int, height: Int, version: UInt64
  ) throws {
    guard takes(name, at: version) else { return }
    var image = ProtobufMessage()
    image.add(1, Int64(height))
    image.add(2, Int64(width))
    image.add(3, Int64(3))
    image.add(4, png)
    var value = ProtobufMessage()
    value.add(1, name)
    value.add(4, image)
    var summary = ProtobufMessage()
    summary.add(1, value)
    try write(summary, version: version)
  }

  /// A histogram with thirty buckets of equal width between the least and the largest value.
  package func histogram(_ name: String, of values: [Double], version: UInt64) throws {
    guard values.allSatisfy(\.isFinite), let low = values.min(), let high = values.max(),
      takes(name, at: version)
    else {
      return
    }
    let count = 30
    let width = max(high - low, 1e-12) / Double(count)
    var buckets = [Double](repeating: 0, count: count)
    for value in values { buckets[min(Int((value - low) / width), count - 1)] += 1 }
    var histogram = ProtobufMessage()
    histogram.add(1, low)
    histogram.add(2, high)
    histogram.add(3, Double(values.count))
    histogram.add(4, values.reduce(0, +))
    histogram.add(5, values.reduce(0) { $0 + $1 * $1 })
    histogram.add(6, (1...count).map { low + width * Double($0) })
    histogram.add(7, buckets)
    var value = ProtobufMessage()
    value.add(1, name)
    value.add(5, histogram)
    var summary = ProtobufMessage()
    summary.add(1, value)
    try write(summary, version: version)
  }

  /// A text, shown as it is.
  package func text(_ name: String, _ text: String, version: UInt64) throws {
    guard takes(name, at: version) else { return }
    // Four spaces make code of a line, where the page would read Markdown.
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    var tensor = ProtobufMessage()
    tensor.add(1, Int64(7))
    tensor.add(2, ProtobufMessage())
    tensor.add(8, lines.map { "    \($0)" }.joined(separator: "\n"))
    try write(name, plugin: "text", content: nil, tensor, version: version)
  }

  /// The settings of the run, each a number, a word or a truth: what the hparams page compares.
  package func hyperparameters(_ settings: [(name: String, value: String)]) throws {
    let name = EventsOnly.hyperparameters.rawValue
    guard takes(name, at: 0) else { return }
    var info = ProtobufMessage()
    for setting in settings {
      var value = ProtobufMessage()
      if let number = Double(setting.value), number.isFinite {
        value.add(2, number)
      } else if let truth = Bool(setting.value) {
        value.add(4, Int64(truth ? 1 : 0))
      } else {
        value.add(3, setting.value)
      }
      var entry = ProtobufMessage()
      entry.add(1, setting.name)
      entry.add(2, value)
      info.add(1, entry)
    }
    info.add(5, clock())
    var content = ProtobufMessage()
    content.add(3, info)
    // The number beside it means nothing, but there has to be one.
    var size = ProtobufMessage()
    size.add(1, Int64(1))
    var shape = ProtobufMessage()
    shape.add(2, size)
    var tensor = ProtobufMessage()
    tensor.add(1, Int64(1))
    tensor.add(2, shape)
    tensor.add(4, [UInt8](repeating: 0, count: 4))
    try write(name, plugin: "hparams", content: content, tensor, version: 0)
  }

  private func write(
    _ name: String, plugin: String, content: ProtobufMessage?, _ tensor: ProtobufMessage,
    version: UInt64
  ) throws {
    var data = ProtobufMessage()
    data.add(1, plugin)
    if let content { data.add(2, content) }
    var metadata = ProtobufMessage()
    metadata.add(1, data)
    metadata.add(4, Int64(2))
    var value = ProtobufMessage()
    value.add(1, name)
    value.add(8, tensor)
    value.add(9, metadata)
    var summary = ProtobufMessage()
    summary.add(1, value)
    try write(summary, version: version)
  }

  private func write(_ summary: ProtobufMessage, version: UInt64) throws {
    var event = ProtobufMessage()
    event.add(1, clock())
    event.add(2, Int64(version))
    event.add(5, summary)
    try write(event)
  }

  private func write(_ event: ProtobufMessage) throws {
    try handle.write(contentsOf: Data(RecordFrame.framed(event.bytes)))
  }
}
