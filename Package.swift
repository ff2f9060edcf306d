// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// One Swift module of a folder of `Sources`, and what it may import.
struct Module {
  var name: String
  var imports: [String] = []
  var products: [Target.Dependency] = []
  var resources: [Resource] = []
  var plugins: [Target.PluginUsage] = []
  /// Whether the module handles raw memory; all others are built with strict memory safety.
  var touchesMemory = false
  /// What its tests read beside their sources.
  var testFiles: [String] = []
  /// What its tests use beside what it uses itself.
  var testImports: [String] = []
}

/// A folder of `Sources`: what it has in C, its Swift modules, and what is made of them.
struct Folder {
  var name: String
  var foreign: [String] = []
  var modules: [Module]
  var programs: [String] = []
}

/// The house, from the ground up. A module imports only what stands above it in this table; the loop
/// below refuses anything else, so neither `ls Sources` nor the picture in Design.md can drift from the build.
let house = [
  Folder(
    name: "Bytes", foreign: ["CProcess", "CSodium", "CSystem"],
    modules: [
      // files, checksums, processes, threads
      Module(
        name: "Bytes", imports: ["CKernels", "CProcess", "CSodium", "CSystem"], touchesMemory: true)
    ]),
  Folder(
    name: "World", foreign: ["CCurl", "CPNG"],
    modules: [
      Module(name: "Records", imports: ["Bytes"]),
      Module(name: "HTTP", imports: ["CCurl"], touchesMemory: true),
      Module(
        name: "Tasks", imports: ["Bytes", "Records", "CPNG"], resources: [.copy("Resources")],
        touchesMemory: true, testFiles: ["Resources"]),
      // programs of other people: started, watched and ended
      Module(name: "Programs", imports: ["Bytes"]),
      Module(
        name: "Rewards", imports: ["Tasks", "Records", "Programs", "Bytes", "HTTP"],
        testFiles: ["Programs"]),
    ]),
  Folder(
    name: "Numbers", foreign: ["CKernels"],
    modules: [
      Module(name: "Tensor", imports: ["CKernels"], touchesMemory: true),
      Module(name: "Autograd", imports: ["Tensor"]),
      Module(
        name: "Network", imports: ["Autograd", "Tensor", "Bytes"], touchesMemory: true,
        testImports: ["CAllocations"]),
      Module(name: "Flow", imports: ["Network", "Autograd", "Tensor", "Records", "Bytes"]),
      Module(name: "Objective", imports: ["Flow", "Tensor", "Records"]),
    ]),
  Folder(
    name: "Protocol", foreign: ["CWire", "CZeroMQ", "CZstd"],
    modules: [
      Module(
        name: "Transport", imports: ["Bytes", "CSodium", "CSystem", "CZeroMQ"], touchesMemory: true),
      Module(
        name: "Wire", imports: ["Records", "Bytes", "CWire", "CZstd"], touchesMemory: true),
    ]),
  Folder(
    name: "Models",
    modules: [
      // models that are programs of their own
      Module(
        name: "Models",
        imports: ["Flow", "Network", "Tensor", "Programs", "Records", "Wire", "Bytes"],
        touchesMemory: true, testFiles: ["Programs"])
    ]),
  Folder(
    name: "Learning",
    modules: [
      Module(
        name: "Learning",
        imports: [
          "Models", "Objective", "Flow", "Network", "Autograd", "Tensor", "Rewards", "Tasks",
          "Records",
          "Wire", "Bytes",
        ])
    ]),
  Folder(
    name: "Ledger",
    modules: [
      Module(name: "Journal", imports: ["Bytes"], touchesMemory: true),
      Module(name: "Telemetry", imports: ["Bytes"]),
      Module(
        name: "Ledger",
        imports: [
          "Learning", "Journal", "Telemetry", "Objective", "Flow", "Network", "Tensor", "Rewards",
          "Tasks", "Records", "Transport", "Wire", "Bytes",
        ]),
    ]),
  Folder(
    name: "Roles",
    modules: [
      Module(
        name: "Roles",
        imports: [
          "Ledger", "Learning", "Journal", "Telemetry", "Objective", "Flow", "Network", "Autograd",
          "Tensor", "Rewards", "Tasks", "Programs", "Records", "Wire", "Transport", "Bytes",
        ])
    ]),
  Folder(
    name: "Product",
    modules: [
      Module(name: "Release", plugins: ["RecordCommit"]),
      Module(name: "Curves", imports: ["Telemetry"]),
      Module(
        name: "Configuration",
        imports: [
          "Roles", "Ledger", "Learning", "Models", "Objective", "Flow", "Network", "Rewards",
          "Tasks", "Programs", "Records", "HTTP", "Release", "Bytes",
        ],
        products: [.product(name: "Yams", package: "Yams")],
        resources: [.copy("Presets"), .copy("Template")]),
      // what an update costs on this machine
      Module(
        name: "Costs",
        imports: [
          "Roles", "Ledger", "Learning", "Journal", "Objective", "Flow", "Network", "Tensor",
          "Tasks", "Records", "Wire", "Bytes",
        ]),
      // what a program is told, what it says, how it ends
      Module(
        name: "Dialogue",
        imports: [
          "Configuration", "Ledger", "Learning", "Models", "Journal", "Flow", "Network", "Tensor",
          "Tasks", "Records", "Transport", "Bytes",
        ],
        products: [.product(name: "ArgumentParser", package: "swift-argument-parser")]),
    ],
    programs: ["Command"]),
  Folder(
    name: "Proving", foreign: ["COpenBLAS"],
    modules: [
      Module(name: "Golden", imports: ["Objective", "Flow", "Network", "Tensor", "Records"]),
      Module(
        name: "Benchmarks",
        imports: [
          "Costs", "Roles", "Ledger", "Learning", "Flow", "Network", "Autograd", "Tensor", "Tasks",
          "Records", "Wire", "Transport", "Bytes", "CKernels", "COpenBLAS", "CZeroMQ",
        ], touchesMemory: true),
    ],
    programs: ["Proof"]),
]

let modules = house.flatMap(\.modules)

/// Where a target is: `Sources/FOLDER/NAME`, or the folder itself where it holds one module alone.
let paths = Dictionary(
  uniqueKeysWithValues: house.flatMap { folder in
    let names = folder.foreign + folder.modules.map(\.name) + folder.programs
    return names.map {
      ($0, names == [folder.name] ? "Sources/\($0)" : "Sources/\(folder.name)/\($0)")
    }
  })

var built = Set(house.flatMap(\.foreign))
for module in modules {
  for name in module.imports where !built.contains(name) {
    fatalError("\(module.name) imports \(name), which does not stand above it in Package.swift")
  }
  built.insert(module.name)
}

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

let fuzzed: [Target.Dependency] = [
  "Bytes", "CAllocations", "Configuration", "Flow", "Journal", "Learning", "Ledger", "Models",
  "Network", "Programs", "Records", "Rewards", "Roles", "Tasks", "Telemetry", "Tensor",
  "Transport", "Wire",
]

/// libFuzzer's program: with TRIBUTARY_FUZZ set, as scripts/safety/fuzz does, and only then.
let fuzz: [Target] =
  ProcessInfo.processInfo.environment["TRIBUTARY_FUZZ"] == nil
  ? []
  : [
    .executableTarget(
      name: "Fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz", exclude: ["corpus"],
      swiftSettings: settings)
  ]

let package = Package(
  name: "tributary",
  products: [
    .executable(name: "tributary", targets: ["Command"]),
    .executable(name: "tributary-proof", targets: ["Proof"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .systemLibrary(
      name: "CCurl", path: paths["CCurl"], providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(
      name: "COpenBLAS", path: paths["COpenBLAS"], providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(
      name: "CPNG", path: paths["CPNG"], providers: [.apt(["libpng-dev"])]),
    .systemLibrary(
      name: "CSodium", path: paths["CSodium"], providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(name: "CSystem", path: paths["CSystem"]),
    .systemLibrary(
      name: "CZeroMQ", path: paths["CZeroMQ"], providers: [.apt(["libzmq3-dev"])]),
    .systemLibrary(
      name: "CZstd", path: paths["CZstd"], providers: [.apt(["libzstd-dev"])]),
    .target(
      name: "CProcess", path: paths["CProcess"], cSettings: [.unsafeFlags(["-Wall", "-Werror"])]),
    .target(name: "CWire", path: paths["CWire"], linkerSettings: [.linkedLibrary("protobuf-c")]),
    // -O3 also in debug builds: a loop at -O0 is sixty times slower and tests nothing else.
    .target(
      name: "CKernels", path: paths["CKernels"],
      cSettings: [
        .unsafeFlags([
          "-O3", "-fno-math-errno", "-Wall", "-Werror", "-Wno-psabi", "-Wno-pass-failed",
        ])
      ],
      linkerSettings: [.linkedLibrary("m")]),
    .plugin(name: "RecordCommit", capability: .buildTool()),
    .target(
      name: "TestSupport", dependencies: ["Bytes"], path: "Tests/TestSupport",
      swiftSettings: settings),
    .target(name: "CAllocations", path: "Tests/CAllocations"),
    .target(
      name: "TinyRecipe",
      dependencies: [
        "Learning", "Objective", "Flow", "Network", "Tensor", "Tasks", "Records", "Wire",
      ], path: "Tests/TinyRecipe", swiftSettings: settings),
    .target(
      name: "FuzzTargets", dependencies: fuzzed, path: "Tests/FuzzTargets", swiftSettings: settings),
    .testTarget(
      name: "FuzzTests", dependencies: ["FuzzTargets", "TestSupport"] + fuzzed,
      swiftSettings: settings),
    .executableTarget(
      name: "Command",
      dependencies: [
        "Dialogue", "Costs", "Configuration", "Curves", "Roles", "Ledger", "Learning", "Models",
        "Journal", "Objective", "Flow", "Network", "Tensor", "Rewards", "Tasks", "Programs",
        "Records", "HTTP", "Release", "Wire", "Transport", "Bytes", "Telemetry",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: paths["Command"], swiftSettings: settings + [.strictMemorySafety()]),
    .executableTarget(
      name: "Proof",
      dependencies: [
        "Dialogue", "Benchmarks", "Golden", "Costs", "Configuration", "Ledger", "Learning",
        "Flow", "Network", "Tensor", "Tasks", "Records", "Release", "Transport", "Bytes",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: paths["Proof"], swiftSettings: settings + [.strictMemorySafety()]),
    .testTarget(
      name: "SystemTests",
      dependencies: [
        "Command", "Proof", "Configuration", "Roles", "Ledger", "Learning", "Journal", "Flow",
        "Autograd", "Tensor", "CKernels", "Wire", "Transport", "Bytes", "Records", "TestSupport",
      ],
      exclude: ["Python", "Recorder", "Refused"], swiftSettings: settings),
  ] + fuzz
    + modules.map { module in
      .target(
        name: module.name,
        dependencies: module.imports.map { .init(stringLiteral: $0) } + module.products,
        path: paths[module.name], resources: module.resources,
        swiftSettings: settings + (module.touchesMemory ? [] : [.strictMemorySafety()]),
        plugins: module.plugins)
    }
    + modules.map { module in
      .testTarget(
        name: "\(module.name)Tests",
        dependencies: [.init(stringLiteral: module.name), "TestSupport"]
          + (module.imports + module.testImports).map { .init(stringLiteral: $0) }
          + (module.imports.contains("Learning") || module.name == "Learning"
            ? ["TinyRecipe"] : []),
        exclude: module.testFiles, swiftSettings: settings)
    },
  swiftLanguageModes: [.v6]
)
