import Foundation
import Transport

/// TensorBoard's `events.out.tfevents.…`: scalars, histograms and pictures by version.
///
/// A file is a row of TFRecords: length, its checksum, an `Event` message, its checksum, with
/// checksums of CRC-32C, rotated and shifted. Every life of a learner writes a file of its own,
/// which begins by saying that later steps of earlier files are void.
///
/// Source: `event.proto`, `summary.proto` and `record_writer.cc` of TensorFlow.
package final class EventsFile {
  private let handle: FileHandle
  private let clock: @Sendable () -> Double

  /// - Parameters:
  ///   - directory: the run folder.
  ///   - life: distinguishes files of one second.
  ///   - committed: the version that the run stands at; later steps of earlier lives are void.
  ///   - clock: seconds since 1970.
  package init(
    directory: String, life: UInt64, committed: UInt64, clock: @escaping @Sendable () -> Double
  ) throws {
    let path = "\(directory)/events.out.tfevents.\(Int(clock())).tributary.\(life)"
    guard FileManager.default.createFile(atPath: path, contents: nil) else {
      throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path])
    }
    handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    self.clock = clock
    var version = ProtobufMessage()
    version.add(1, clock())
    version.add(3, "brain.Event:2")
    try write(version)
    guard committed > 0 else { return }
    var session = ProtobufMessage()
    session.add(1, Int64(1))
    var start = ProtobufMessage()
    start.add(1, clock())
    start.add(2, Int64(committed) + 1)
    start.add(7, session)
    try write(start)
  }

  /// One scalar for each entry.
  package func scalars(_ line: [String: Double], version: UInt64) throws {
    var summary = ProtobufMessage()
    for (name, number) in line.sorted(by: { $0.key < $1.key }) where name != "version" {
      var value = ProtobufMessage()
      value.add(1, name)
      value.add(2, Float(number))
      summary.add(1, value)
    }
    try write(summary, version: version)
  }

  /// A PNG picture.
  package func picture(
    _ name: String, png: [UInt8], width: Int, height: Int, version: UInt64
  ) throws {
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
    guard values.allSatisfy(\.isFinite), let low = values.min(), let high = values.max() else {
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
