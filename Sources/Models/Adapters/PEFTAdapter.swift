import Bytes
import Foundation
import Glibc
package import Network
import Records
package import Tensor

/// A low-rank adapter as a file or a folder holds it, checked: whose layers it adapts is not known yet.
///
/// PEFT's layout is a folder with `adapter_config.json` and `adapter_model.safetensors`, in which a layer x has
/// `base_model.model.x.lora_A.weight` `[r, inputs]` and `base_model.model.x.lora_B.weight` `[outputs, r]`. Ours
/// is one safetensors file with the same tensors without the prefix, and r and α among its metadata.
package struct PEFTAdapter: Sendable {
  package let form: LowRankAdapter.Form
  /// A and B of every layer, under the layers' own names, sorted.
  package let tensors: [SafeTensors.Entry]

  package static let configurationFile = "adapter_config.json"
  package static let tensorsFile = "adapter_model.safetensors"
  static let prefix = "base_model.model."
  static let (a, b) = (".lora_A.weight", ".lora_B.weight")
  /// Of `adapter_config.json`; those of PEFT have some thousand bytes.
  static let configurationLimit = 1 << 20
  /// Of the tensors of a file that is read.
  static let byteLimit = 8 << 30

  /// Whether a path is a folder in PEFT's layout.
  package static func isFolder(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(path)/\(configurationFile)")
  }

  /// Reads a folder in PEFT's layout, or a file of ours.
  package init(reading path: String) throws(AdapterError) {
    if Self.isFolder(path) {
      let configuration = try Self.bytes(
        of: "\(path)/\(Self.configurationFile)", atMost: Self.configurationLimit)
      let tensors = try Self.bytes(of: "\(path)/\(Self.tensorsFile)", atMost: Self.byteLimit)
      try self.init(configuration: configuration, tensors: tensors, of: path)
    } else {
      try self.init(file: try Self.bytes(of: path, atMost: Self.byteLimit), of: path)
    }
  }

  /// - Parameter origin: names the folder in errors.
  package init(configuration: [UInt8], tensors: [UInt8], of origin: String) throws(AdapterError) {
    let form = try PEFTConfiguration.form(
      in: configuration, of: "\(origin)/\(Self.configurationFile)")
    let place = "\(origin)/\(Self.tensorsFile)"
    var entries = try Self.decoded(tensors, of: place).entries
    for index in entries.indices {
      let name = entries[index].name
      guard name.hasPrefix(Self.prefix) else {
        throw AdapterError(
          place, "its tensor \(name.beginning) does not begin with \(Self.prefix), as PEFT's do")
      }
      entries[index].name = String(name.dropFirst(Self.prefix.count))
    }
    try self.init(form, entries, of: place)
  }

  /// - Parameter origin: names the file in errors.
  package init(file bytes: [UInt8], of origin: String) throws(AdapterError) {
    let file = try Self.decoded(bytes, of: origin)
    guard let rank = file.metadata["lora_rank"].flatMap({ Int($0) }),
      let alpha = file.metadata["lora_alpha"].flatMap({ Double($0) })
    else {
      throw AdapterError(
        origin,
        "it says nothing of a rank and an alpha, so it is neither an adapter that tributary has"
          + " written nor a folder that peft has")
    }
    let targets = file.metadata["lora_targets"] ?? ""
    let form = LowRankAdapter.Form(
      rank: rank, alpha: alpha, targets: targets.split(separator: ",").map(String.init))
    try PEFTConfiguration.check(form, of: origin)
    try self.init(form, file.entries, of: origin)
  }

  private init(
    _ form: LowRankAdapter.Form, _ entries: [SafeTensors.Entry], of place: String
  ) throws(AdapterError) {
    guard !entries.isEmpty else { throw AdapterError(place, "it has no tensors") }
    var parts: [String: Set<String>] = [:]
    for entry in entries {
      guard let end = [Self.a, Self.b].first(where: { entry.name.hasSuffix($0) }),
        entry.name.utf8.count > end.utf8.count
      else {
        throw AdapterError(
          place, "its tensor \(entry.name.beginning) is neither the A nor the B of a layer")
      }
      let side = end == Self.a ? entry.shape.first : entry.shape.last
      guard entry.shape.count == 2, side == form.rank, !entry.scalars.isEmpty else {
        throw AdapterError(
          place,
          "its tensor \(entry.name.beginning) has the shape \(entry.shape), and rank \(form.rank)"
            + " wants \(end == Self.a ? "[\(form.rank), inputs]" : "[outputs, \(form.rank)]")")
      }
      guard entry.scalars.allSatisfy(\.isFinite) else {
        throw AdapterError(
          place, "its tensor \(entry.name.beginning) holds a value that is not finite")
      }
      parts[String(entry.name.dropLast(end.count)), default: []].insert(end)
    }
    if let half = parts.filter({ $0.value.count < 2 }).keys.sorted().first {
      throw AdapterError(place, "its layer \(half.beginning) has only one of A and B")
    }
    self.form = form
    tensors = entries.sorted { $0.name < $1.name }
  }

  private static func decoded(_ bytes: [UInt8], of origin: String) throws(AdapterError)
    -> SafeTensors
  {
    do throws(SafeTensorsError) {
      return try SafeTensors(decoding: bytes)
    } catch {
      throw AdapterError(origin, "\(error)")
    }
  }

  private static func bytes(of path: String, atMost limit: Int) throws(AdapterError) -> [UInt8] {
    do throws(FileError) {
      // A pipe of this name is not waited for.
      let file = try FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK)
      let size = try file.size()
      if size <= UInt64(limit) { return try file.read(Int(size), at: 0) }
    } catch {
      throw AdapterError(
        path, FileManager.default.fileExists(atPath: path) ? "\(error)" : "there is no such file")
    }
    throw AdapterError(path, "it has more than the \(limit) bytes that are read")
  }

  /// The layers that it adapts, sorted.
  package var layers: [String] {
    tensors.filter { $0.name.hasSuffix(Self.a) }.map { String($0.name.dropLast(Self.a.count)) }
  }

  /// θ of a model that adapts just these layers.
  ///
  /// - Parameter origin: names the adapter in errors.
  package func parameters(of manifest: ParameterManifest, from origin: String) throws(AdapterError)
    -> Buffer
  {
    let wanted = Set(manifest.entries.map(\.name))
    if let other = tensors.first(where: { !wanted.contains($0.name) }) {
      throw AdapterError(
        origin,
        "its tensor \(other.name.beginning) is none of this model's adapter, which has"
          + " \(manifest.entries.first?.name.beginning ?? "no tensor")"
          + (manifest.entries.count > 1 ? " and \(manifest.entries.count - 1) more" : ""))
    }
    let file = SafeTensors(entries: tensors)
    do throws(SafeTensorsError) {
      return try manifest.parameters(from: file)
    } catch {
      throw AdapterError(origin, "\(error)")
    }
  }

  /// A file of ours.
  package var file: SafeTensors {
    SafeTensors(
      entries: tensors,
      metadata: [
        "lora_rank": "\(form.rank)", "lora_alpha": "\(form.alpha)",
        "lora_targets": form.targets.joined(separator: ","),
      ])
  }

  /// The two files of PEFT's layout.
  ///
  /// - Parameters:
  ///   - file: A and B under the layers' own names.
  ///   - base: what the configuration says of what it is added to.
  package static func folder(_ file: SafeTensors, form: LowRankAdapter.Form, base: String) throws
    -> (configuration: [UInt8], tensors: [UInt8])
  {
    let entries = file.entries.map { entry in
      SafeTensors.Entry(name: prefix + entry.name, shape: entry.shape, scalars: entry.scalars)
    }
    return (
      try PEFTConfiguration.json(of: form, base: base),
      try SafeTensors(entries: entries, metadata: ["format": "pt"]).encoded()
    )
  }
}

/// An adapter that cannot be used, in one sentence.
package struct AdapterError: Error, Hashable, CustomStringConvertible {
  package let description: String

  init(_ place: String, _ clause: String) { description = "\(place): \(clause)" }
}

extension String {
  /// Of a name from a file, for a sentence.
  var beginning: String {
    unicodeScalars.count > 100 ? "\(String(unicodeScalars.prefix(100)))…" : self
  }
}
