package import Flow
import Foundation
package import Network
package import Programs
import Records
import Wire

/// What a model's program says of itself: its answer to `hello`, checked.
///
/// Documentation/ModelProtocol.md says what each field means.
package struct ProgramContract: Hashable, Sendable, Codable {
  package struct Name: Hashable, Sendable, Codable {
    package var name: String
    package var version: String
  }

  package struct Parameter: Hashable, Sendable, Codable {
    package var name: String
    package var shape: [Int]
  }

  package var `protocol`: Int
  package var model: Name
  /// 64 hexadecimal digits.
  package var base: String
  package var parameters: [Parameter]
  package var latent: [Int]
  package var picture: [Int]?
  package var guidance: String
  package var evaluations: Int?
  package var `class`: String
  package var exact: Bool
  package var rowInvariant: Bool
  package var pullbackExact: Bool
  package var maxRows: Int
  package var slots: Int
  package var prompts: Int
  package var metadata: [String]?

  private enum CodingKeys: String, CodingKey {
    case `protocol`, model, base, parameters, latent, picture, guidance, evaluations, `class`,
      exact
    case rowInvariant = "row_invariant"
    case pullbackExact = "pullback_exact"
    case maxRows = "max_rows"
    case slots, prompts, metadata
  }

  package static let version = 1
  /// The most of everything that a contract may promise or ask for.
  static let parameterLimit = 1 << 30
  static let latentLimit = 1 << 22
  static let rowLimit = 65_536

  /// Reads a contract, which may be anybody's.
  ///
  /// - Throws: a clause on the first field that is not what it must be.
  package init(decoding json: [UInt8]) throws(Fault) {
    guard let checked = ForeignJSON.checked(json) else {
      throw Fault(.garbage, "its contract is nested too deep")
    }
    do {
      self = try JSONDecoder().decode(ProgramContract.self, from: Data(checked))
    } catch let DecodingError.keyNotFound(key, context) {
      throw Fault(.garbage, "its contract has no \"\(Self.field(context.codingPath + [key]))\"")
    } catch let DecodingError.typeMismatch(_, context) where !context.codingPath.isEmpty {
      throw Self.otherKind(context)
    } catch let DecodingError.valueNotFound(_, context) where !context.codingPath.isEmpty {
      throw Self.otherKind(context)
    } catch {
      throw Fault(.garbage, "its contract cannot be read", quoting: Fault.beginning(of: json))
    }
    if let obstacle { throw Fault(.garbage, "its contract \(obstacle)") }
  }

  private static func otherKind(_ context: DecodingError.Context) -> Fault {
    Fault(
      .garbage,
      "its contract's \"\(field(context.codingPath))\" is of another kind than it must be")
  }

  private static func field(_ path: [any CodingKey]) -> String {
    path.map(\.stringValue).joined(separator: ".")
  }

  /// What is wrong with it; nil if nothing is.
  private var obstacle: String? {
    func isText(_ text: String, _ most: Int) -> Bool {
      (1...most).contains(text.utf8.count) && !text.unicodeScalars.contains { $0.value < 0x20 }
    }
    func product(_ shape: [Int], upTo most: Int) -> Int? {
      var product = 1
      for side in shape {
        guard side > 0, side <= most else { return nil }
        product *= side
        guard product <= most else { return nil }
      }
      return product
    }
    if self.protocol != Self.version {
      return "is of protocol \(self.protocol), this release speaks \(Self.version)"
    }
    if !isText(model.name, 64) || !isText(model.version, 64) {
      return "has no name and version of 1 to 64 characters each"
    }
    if Digest(hexadecimal: base) == nil { return "has a \"base\" that is no 64 hexadecimal digits" }
    if parameters.isEmpty { return "has no parameters, so there is nothing to train" }
    var names: Set<String> = []
    var count = 0
    for parameter in parameters {
      if !isText(parameter.name, 512) { return "has a parameter without a proper name" }
      if !names.insert(parameter.name).inserted {
        return "has two parameters named \(parameter.name)"
      }
      guard let size = product(parameter.shape, upTo: Self.parameterLimit) else {
        return "has a parameter \(parameter.name) of shape \(parameter.shape)"
      }
      count += size
      if count > Self.parameterLimit {
        return "has more than \(Self.parameterLimit) trainable scalars"
      }
    }
    if latent.isEmpty || product(latent, upTo: Self.latentLimit) == nil {
      return "has latents of shape \(latent), up to \(Self.latentLimit) scalars are allowed"
    }
    if let picture, picture.count != 2 || !picture.allSatisfy((1...4096).contains) {
      return "has pictures of size \(picture), [height, width] of 1 to 4096 each are allowed"
    }
    if ModelContract.Guidance(rawValue: guidance) == nil {
      return "has a guidance \"\(guidance)\"; allowed are linear, own and none"
    }
    if let evaluations, !(1...2).contains(evaluations) {
      return "has \(evaluations) evaluations a row; 1 or 2 are allowed"
    }
    if !isText(self.class, 256) { return "has a class that is not 1 to 256 characters" }
    if !(1...Self.rowLimit).contains(maxRows) {
      return "has max_rows \(maxRows); 1 to \(Self.rowLimit) are allowed"
    }
    if !(4...64).contains(slots) { return "has \(slots) slots; 4 to 64 are allowed" }
    if !(64...1_000_000).contains(prompts) {
      return "keeps \(prompts) prompts; 64 to 1000000 are allowed"
    }
    if let metadata, metadata.count > 64 || !metadata.allSatisfy({ isText($0, 64) }) {
      return "names more than 64 metadata fields, or one that is no name"
    }
    return nil
  }

  /// The whole, as files have it.
  package var json: [UInt8] { Self.encoded(self) }

  /// The whole in one line, with θ's names and shapes by their digest alone.
  package var summary: String {
    var fields = self
    fields.parameters = []
    let rest = String(decoding: Self.encoded(fields), as: UTF8.self)
    let shapes = Digest(of: Self.encoded(parameters))
    return rest.replacing(
      "\"parameters\":[]",
      with: "\"parameters\":{\"count\":\(manifest.count),\"digest\":\"\(shapes)\"}")
  }

  private static func encoded(_ value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Of names and numbers alone: nothing in it can fail to be written.
    return (try? encoder.encode(value)).map(Array.init) ?? []
  }

  package var manifest: ParameterManifest {
    ParameterManifest(parameters.map { ParameterManifest.Entry(name: $0.name, shape: $0.shape) })
  }

  /// A question costs tenths of a millisecond, and a small network as much for few rows as for one. Large latents make
  /// up for that by themselves, and their rows take memory.
  private var wantedRows: Int {
    let (rows, scalars) = (256, 1 << 20)
    return max(1, min(rows, maxRows, scalars / latent.reduce(1, *)))
  }

  package var contract: ModelContract {
    var contract = ModelContract(
      architecture: "program \(model.name) \(model.version) base \(base)", identity: summary,
      parameters: manifest, latent: latent,
      guidance: ModelContract.Guidance(rawValue: guidance) ?? .none,
      guidedEvaluations: evaluations ?? (guidance == "linear" ? 2 : 1),
      exactness: ModelContract.Exactness(
        numericsClass: self.class, isExact: exact, isRowInvariant: rowInvariant,
        isPullbackExact: pullbackExact),
      picture: picture.map { ModelContract.PictureSize(height: $0[0], width: $0[1]) })
    contract.wantedRows = wantedRows
    return contract
  }

  /// The fields in which another one differs, each with both values.
  package func differences(from other: String) -> [String] {
    func fields(_ text: String) -> [String: String] {
      guard let json = ForeignJSON.checked(Array(text.utf8)),
        let object = try? JSONSerialization.jsonObject(with: Data(json)) as? [String: Any]
      else { return [:] }
      // Of two equal objects: equal texts.
      return object.mapValues { value in
        let text = try? JSONSerialization.data(
          withJSONObject: value,
          options: [.sortedKeys, .fragmentsAllowed, .withoutEscapingSlashes])
        return text.map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
      }
    }
    let (mine, theirs) = (fields(summary), fields(other))
    return Set(mine.keys).union(theirs.keys).sorted().filter { mine[$0] != theirs[$0] }.map {
      "\($0) (\(theirs[$0] ?? "nothing") there, \(mine[$0] ?? "nothing") here)"
    }
  }
}
