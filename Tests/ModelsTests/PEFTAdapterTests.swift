import Foundation
import Network
import Tensor
import Testing
import TestSupport

import Models

/// Adapters in files of other people: what is read, and what each wrong one is told.
struct PEFTAdapterTests {
  static let prefix = "base_model.model."

  struct Tensor {
    var name: String
    var shape: [Int]
    var fill: Float = 0.5
  }

  static let tensors = [
    Tensor(name: prefix + "x.q.lora_A.weight", shape: [2, 3]),
    Tensor(name: prefix + "x.q.lora_B.weight", shape: [4, 2]),
  ]

  static func bytes(_ tensors: [Tensor], _ metadata: [String: String] = [:]) throws -> [UInt8] {
    let entries = tensors.map { tensor in
      let count = tensor.shape.reduce(1, *)
      return SafeTensors.Entry(
        name: tensor.name, shape: tensor.shape,
        scalars: (0..<count).map { tensor.fill * Float($0 % 7 + 1) })
    }
    return try SafeTensors(entries: entries, metadata: metadata).encoded()
  }

  static func configuration(_ more: [String: Any] = [:]) throws -> [UInt8] {
    let object: [String: Any] = [
      "peft_type": "LORA", "r": 2, "lora_alpha": 5, "target_modules": ["q"], "bias": "none",
      "use_dora": false, "rank_pattern": [String: Int](), "modules_to_save": NSNull(),
      "init_lora_weights": true, "lora_dropout": 0.1, "auto_mapping": ["a": [1, 2]],
      "qalora_group_size": 16, "new": NSNull(),
    ]
    return Array(try JSONSerialization.data(withJSONObject: object.merging(more) { $1 }))
  }

  static func read(_ more: [String: Any] = [:], _ tensors: [Tensor] = tensors) throws -> PEFTAdapter
  {
    try PEFTAdapter(configuration: configuration(more), tensors: bytes(tensors), of: "there")
  }

  @Test func `a folder of peft is read, with the layers' own names`() throws {
    let adapter = try Self.read()
    #expect(adapter.form == LowRankAdapter.Form(rank: 2, alpha: 5, targets: ["q"]))
    #expect(adapter.tensors.map(\.name) == ["x.q.lora_A.weight", "x.q.lora_B.weight"])
    #expect(adapter.layers == ["x.q"])
    let file = try PEFTAdapter(file: adapter.file.encoded(), of: "file")
    #expect(
      file.form == adapter.form && file.tensors.map(\.scalars) == adapter.tensors.map(\.scalars))
  }

  @Test func `a written folder is read to the same bits, under whatever α`() throws {
    for alpha in [1, 0.1, 1.0 / 3, 16] {
      let form = LowRankAdapter.Form(rank: 2, alpha: alpha, targets: ["q", "blocks.0.x"])
      let own = try Self.read().file
      let files = try PEFTAdapter.folder(own, form: form, base: "b")
      let again = try PEFTAdapter(
        configuration: files.configuration, tensors: files.tensors, of: "again")
      #expect(
        again.form == LowRankAdapter.Form(rank: 2, alpha: alpha, targets: ["blocks.0.x", "q"]))
      #expect(
        again.tensors.map { $0.scalars.map(\.bitPattern) }
          == own.entries.map { $0.scalars.map(\.bitPattern) })
    }
  }

  @Test func `what would make it something else than a sum is refused by its name`() throws {
    let wrong: [String: Any] = [
      "use_rslora": true, "use_dora": true, "lora_bias": true, "bias": "all",
      "rank_pattern": ["q": 3], "alpha_pattern": ["q": 3], "modules_to_save": ["x"],
      "layer_replication": [[0, 1]], "init_lora_weights": "pissa", "peft_type": "LOHA",
      "arrow_config": ["x": 1], "use_unheard_of": true, "loftq_config": ["bits": 4],
    ]
    for (key, value) in wrong {
      let found = sentence { try Self.read([key: value]) }
      #expect(found.hasPrefix("there/adapter_config.json: its \(key) "), "\(found)")
    }
    for value in ["gaussian", true, false, NSNull()] as [Any] {
      #expect(sentence { try Self.read(["init_lora_weights": value]) } == "taken")
    }
    for (r, alpha) in [
      (0, 1), (-1, 1), (1.5, 1), (1e300, 1), ("2", 1), (2, 0), (2, -3), (2, 1e9), (2, "x"),
    ]
      as [(Any, Any)]
    {
      let found = sentence { try Self.read(["r": r, "lora_alpha": alpha]) }
      #expect(found.hasPrefix("there/adapter_config.json: it"), "\(r) \(alpha): \(found)")
    }
  }

  @Test func `tensors that are none of a layer's A and B are refused`() throws {
    let (a, b) = (Self.tensors[0], Self.tensors[1])
    func found(_ tensors: [Tensor]) -> String { sentence { try Self.read([:], tensors) } }
    #expect(found([]).hasSuffix("it has no tensors"))
    #expect(found([a]).contains("x.q has only one of A and B"))
    #expect(found([b]).contains("x.q has only one of A and B"))
    #expect(
      found([a, b, Tensor(name: "x.q.lora_A.weight", shape: [2, 3])]).contains("does not begin"))
    for name in ["x.q.weight", "x.q.lora_A.bias", ".lora_A.weight", "x.lora_magnitude_vector"] {
      let sentence = found([a, b, Tensor(name: Self.prefix + name, shape: [2, 3])])
      #expect(sentence.contains("\(name) is neither the A nor the B of a layer"), "\(sentence)")
    }
    for shape in [[3, 3], [2], [2, 3, 1], [], [2, 0]] {
      let sentence = found([Tensor(name: a.name, shape: shape), b])
      #expect(sentence.contains("x.q.lora_A.weight has the shape"), "\(sentence)")
    }
    #expect(
      found([a, Tensor(name: b.name, shape: [2, 4])]).contains("x.q.lora_B.weight has the shape"))
    for value in [Float.nan, .infinity] {
      #expect(found([a, Tensor(name: b.name, shape: [4, 2], fill: value)]).contains("not finite"))
    }
    let long = found([
      a, b, Tensor(name: Self.prefix + String(repeating: "y", count: 9_999), shape: [2, 3]),
    ])
    #expect(long.utf8.count < 400, "\(long)")
  }

  @Test func `bytes that are no JSON, no tensors, or too deep are refused`() throws {
    let good = try Self.bytes(Self.tensors)
    for text in ["", "[]", "3", "{", "{\"r\": 2}", String(repeating: "[", count: 90_000)] {
      let found = sentence {
        try PEFTAdapter(configuration: Array(text.utf8), tensors: good, of: "there")
      }
      #expect(found.hasPrefix("there/adapter_config.json: it"), "\(found)")
    }
    for cut in [0, 7, 8, 20, good.count - 1] {
      let found = sentence {
        try PEFTAdapter(
          configuration: Self.configuration(), tensors: Array(good.prefix(cut)), of: "there")
      }
      #expect(found.hasPrefix("there/adapter_model.safetensors: not a usable"), "\(found)")
    }
    #expect(sentence { try PEFTAdapter(file: good, of: "file") }.contains("says nothing of a rank"))
    for metadata in [
      ["lora_rank": "2", "lora_alpha": "nan"], ["lora_rank": "99999999", "lora_alpha": "1"],
    ] {
      let bytes = try Self.bytes(Self.tensors, metadata)
      #expect(sentence { try PEFTAdapter(file: bytes, of: "file") }.hasPrefix("file: its "))
    }
  }

  @Test func `files that are not there, folders and pipes are sentences`() throws {
    let folder = try ScratchFolder()
    #expect(
      sentence { try PEFTAdapter(reading: folder.file("none")) }.hasSuffix("there is no such file"))
    #expect(sentence { try PEFTAdapter(reading: folder.path) } != "taken")
    try folder.write(Data(try Self.configuration()), to: "adapter_config.json")
    #expect(sentence { try PEFTAdapter(reading: folder.path) }.hasSuffix("there is no such file"))
    #expect(mkfifo(folder.file("adapter_model.safetensors"), 0o600) == 0)
    #expect(sentence { try PEFTAdapter(reading: folder.path) } != "taken")
  }

  @Test func `θ of a model takes just its own tensors in its own order`() throws {
    let adapter = try Self.read()
    func manifest(_ entries: (String, [Int])...) -> ParameterManifest {
      ParameterManifest(entries.map { ParameterManifest.Entry(name: $0.0, shape: $0.1) })
    }
    let (a, b) = (("x.q.lora_A.weight", [2, 3]), ("x.q.lora_B.weight", [4, 2]))
    let theta = try adapter.parameters(of: manifest(b, a), from: "there")
    #expect(theta.scalars == adapter.tensors[1].scalars + adapter.tensors[0].scalars)
    let fewer = sentence { try adapter.parameters(of: manifest(a), from: "there") }
    #expect(
      fewer
        == "there: its tensor x.q.lora_B.weight is none of this model's adapter, which has x.q.lora_A.weight"
    )
    let more = sentence {
      try adapter.parameters(of: manifest(a, b, ("y.lora_A.weight", [2, 3])), from: "there")
    }
    #expect(more.contains("no tensor y.lora_A.weight"), "\(more)")
    let other = sentence { try adapter.parameters(of: manifest(a, (b.0, [5, 2])), from: "there") }
    #expect(other.contains("x.q.lora_B.weight is [4, 2], this model needs [5, 2]"), "\(other)")
  }

  @Test(arguments: [true, false]) func `a sum with weights of either layout is the formula's`(
    isBuiltIn: Bool
  ) throws {
    let adapter = try Self.read()
    let shape = isBuiltIn ? [3, 4] : [4, 3]
    let weight = (0..<12).map { Float($0) - 3 }
    let metadata = isBuiltIn ? ["architecture": "dit latent 1x3"] : ["format": "pt"]
    let base = SafeTensors(
      entries: [
        SafeTensors.Entry(name: "x.q.weight", shape: shape, scalars: weight),
        SafeTensors.Entry(name: "x.q.bias", shape: [4], scalars: [1, 2, 3, 4]),
      ], metadata: metadata)
    let sum = try adapter.merged(into: base, from: "there", at: "base")
    #expect(sum.metadata == metadata && sum.entries[1].scalars == [1, 2, 3, 4])
    let (a, b) = (adapter.tensors[0].scalars, adapter.tensors[1].scalars)
    for o in 0..<4 {
      for i in 0..<3 {
        let place = isBuiltIn ? i * 4 + o : o * 3 + i
        let added = (0..<2).reduce(Float(0)) { $0 + b[o * 2 + $1] * a[$1 * 3 + i] }
        #expect(abs(sum.entries[0].scalars[place] - (weight[place] + 2.5 * added)) < 1e-4)
      }
    }
    var turned = base
    turned.entries[0].shape = shape.reversed()
    let wrong = sentence { try adapter.merged(into: turned, from: "there", at: "base") }
    #expect(
      wrong
        == "there: its layer x.q wants a weight of shape \(shape), and base has one of shape \(Array(shape.reversed()))"
    )
    let none = SafeTensors(entries: [base.entries[1]], metadata: metadata)
    #expect(
      sentence { try adapter.merged(into: none, from: "there", at: "base") }
        == "there: it adapts the layer x.q, and base has no tensor x.q.weight")
  }
}
