import Foundation
import Network
import Records

/// `adapter_config.json` of PEFT, as far as it decides numbers.
enum PEFTConfiguration {
  static let rankLimit = 4_096
  static let alphaLimit = 1e6

  /// - Throws: a sentence on what would make of the adapter anything but W + (α/r)·B·A.
  static func form(in json: [UInt8], of place: String) throws(AdapterError) -> LowRankAdapter.Form {
    guard let checked = ForeignJSON.checked(json),
      let object = try? JSONSerialization.jsonObject(with: Data(checked)) as? [String: Any]
    else { throw AdapterError(place, "it is no JSON object") }
    guard object["peft_type"] as? String == "LORA" else {
      throw AdapterError(place, "its peft_type is not LORA, and no other adapter is read")
    }
    guard let rank = number(object["r"]).flatMap({ Int(exactly: $0) }),
      let alpha = number(object["lora_alpha"])
    else {
      throw AdapterError(place, "it has no numbers r and lora_alpha")
    }
    for (key, value) in object.sorted(by: { $0.key < $1.key })
    where !told.contains(key) && !isOff(value) && !isUsual(key, value) {
      throw AdapterError(
        place,
        "its \(key.beginning) may make it another thing than W + (alpha/r)·B·A, which alone is read"
      )
    }
    let targets =
      (object["target_modules"] as? [Any])?.compactMap { $0 as? String }
      ?? (object["target_modules"] as? String).map { [$0] } ?? []
    let form = LowRankAdapter.Form(rank: rank, alpha: alpha, targets: targets.sorted())
    try check(form, of: place)
    return form
  }

  private static func number(_ value: Any?) -> Double? {
    (value as? NSNumber)?.doubleValue ?? value as? Double ?? (value as? Int).map { Double($0) }
  }

  static func check(_ form: LowRankAdapter.Form, of place: String) throws(AdapterError) {
    guard (1...rankLimit).contains(form.rank) else {
      throw AdapterError(place, "its rank is \(form.rank); 1 to \(rankLimit) are allowed")
    }
    guard form.alpha > 0, form.alpha <= alphaLimit else {
      throw AdapterError(
        place, "its alpha is \(form.alpha); more than 0 and at most \(alphaLimit) are allowed")
    }
  }

  /// Where the layers are is told by the tensors' names, and nothing of this changes what they are for.
  private static let told: Set = [
    "peft_type", "r", "lora_alpha", "target_modules", "auto_mapping", "base_model_name_or_path",
    "revision", "task_type", "inference_mode", "fan_in_fan_out", "lora_dropout", "exclude_modules",
    "layers_to_transform", "layers_pattern", "megatron_config", "megatron_core", "peft_version",
  ]

  private static func isUsual(_ key: String, _ value: Any) -> Bool {
    switch key {
    case "bias": value as? String == "none"
    // Other starts than these change W.
    case "init_lora_weights": value as? Bool == true || value as? String == "gaussian"
    default: false
    }
  }

  /// Whether an option is not used. A number says more of one that is; those have a flag of their own.
  private static func isOff(_ value: Any) -> Bool {
    switch value {
    case is NSNull: true
    case let flag as Bool: !flag
    case is NSNumber: true
    case let text as String: text.isEmpty
    case let list as [Any]: list.isEmpty
    case let object as [String: Any]: object.isEmpty
    default: false
    }
  }

  static func json(of form: LowRankAdapter.Form, base: String) throws -> [UInt8] {
    let object: [String: Any] = [
      "peft_type": "LORA", "task_type": NSNull(), "base_model_name_or_path": base,
      "r": form.rank, "lora_alpha": form.alpha, "lora_dropout": 0.0,
      "target_modules": form.targets, "bias": "none", "fan_in_fan_out": false,
      "inference_mode": true, "init_lora_weights": true, "use_rslora": false, "use_dora": false,
      "rank_pattern": [String: Int](), "alpha_pattern": [String: Int](),
      "modules_to_save": NSNull(),
    ]
    return Array(
      try JSONSerialization.data(
        withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]))
      + [UInt8(ascii: "\n")]
  }
}
