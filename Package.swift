// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// One Swift module: the floor it stands on and what it may import.
///
/// A module imports only from lower floors; the loop below refuses anything else, so the picture
/// in README.md cannot drift from the build.
struct Module {
  var name: String
  var floor: Int
  var imports: [String] = []
  var products: [Target.Dependency] = []
  var resources: [Resource] = []
  /// Whether the module handles raw memory; all others are built with strict memory safety.
  var touchesMemory = false
  /// What its tests read beside their sources.
  var testFiles: [String] = []
  /// What its tests use beside what it uses itself.
  var testImports: [String] = []
}

/// The C targets: all on floor 0.
let foreign = ["CKernels", "COpenBLAS", "CPNG", "CSodium", "CWire", "CZeroMQ"]

let modules = [
  // floor 1: numbers · records · bytes · facts
  Module(name: "Tensor", floor: 1, imports: ["CKernels"], touchesMemory: true),
  Module(name: "Records", floor: 1),
  Module(
    name: "Transport", floor: 1, imports: ["CKernels", "CSodium", "CZeroMQ"], touchesMemory: true),
  // floor 2
  Module(name: "Autograd", floor: 2, imports: ["Tensor"]),
  Module(
    name: "Tasks", floor: 2, imports: ["Records", "CPNG"], resources: [.copy("Resources")],
    touchesMemory: true, testFiles: ["Resources"]),
  Module(name: "Wire", floor: 2, imports: ["Records", "Transport", "CWire"], touchesMemory: true),
  Module(name: "Telemetry", floor: 2, imports: ["Transport"]),
  // floor 3
  Module(name: "Curves", floor: 3, imports: ["Telemetry"]),
  Module(
    name: "Rewards", floor: 3, imports: ["Tasks", "Records", "Transport"], testFiles: ["Programs"]),
  Module(
    name: "Network", floor: 3, imports: ["Autograd", "Tensor"], touchesMemory: true,
    testImports: ["CAllocations"]),
  // floor 4
  Module(name: "Flow", floor: 4, imports: ["Network", "Autograd", "Tensor", "Records"]),
  // floor 5
  Module(name: "Objective", floor: 5, imports: ["Flow", "Tensor", "Records"]),
  // floor 6: where the towers meet
  Module(
    name: "Roles", floor: 6,
    imports: [
      "Objective", "Flow", "Network", "Autograd", "Tensor", "Rewards", "Tasks", "Records", "Wire",
      "Transport", "Telemetry",
    ]),
  Module(
    name: "Golden", floor: 6, imports: ["Objective", "Flow", "Network", "Tensor", "Records"]),
  // floor 7
  Module(
    name: "Benchmarks", floor: 7,
    imports: [
      "Roles", "Objective", "Flow", "Network", "Autograd", "Tensor", "Tasks", "Records", "Wire",
      "Transport", "CKernels", "COpenBLAS", "CZeroMQ",
    ], touchesMemory: true),
  Module(
    name: "Configuration", floor: 7,
    imports: ["Roles", "Objective", "Flow", "Network", "Rewards", "Tasks", "Records"],
    products: [.product(name: "Yams", package: "Yams")], resources: [.copy("Presets")]),
]

var floors = Dictionary(uniqueKeysWithValues: foreign.map { ($0, 0) })
for module in modules { floors[module.name] = module.floor }
for module in modules {
  for name in module.imports {
    guard let below = floors[name] else { fatalError("\(module.name) imports unknown \(name)") }
    guard below < module.floor else {
      fatalError("\(module.name) (floor \(module.floor)) imports \(name) (floor \(below))")
    }
  }
}

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

let fuzzed: [Target.Dependency] = [
  "CAllocations", "Configuration", "Network", "Records", "Rewards", "Roles", "Tasks", "Telemetry",
  "Tensor", "Transport", "Wire",
]

/// libFuzzer's program: with TRIBUTARY_FUZZ set, as scripts/fuzz does, and only then.
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
  products: [.executable(name: "tributary", targets: ["Command"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .systemLibrary(name: "COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CPNG", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CSodium", providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
    .target(name: "CWire", linkerSettings: [.linkedLibrary("protobuf-c")]),
    // -O3 also in debug builds: a loop at -O0 is sixty times slower and tests nothing else.
    .target(
      name: "CKernels",
      cSettings: [
        .unsafeFlags([
          "-O3", "-fno-math-errno", "-Wall", "-Werror", "-Wno-psabi", "-Wno-pass-failed",
        ])
      ],
      linkerSettings: [.linkedLibrary("m")]),
    .target(
      name: "TestSupport", dependencies: ["Transport"], path: "Tests/TestSupport",
      swiftSettings: settings),
    .target(name: "CAllocations", path: "Tests/CAllocations"),
    .target(
      name: "FuzzTargets", dependencies: fuzzed, path: "Tests/FuzzTargets", swiftSettings: settings),
    .testTarget(
      name: "FuzzTests", dependencies: ["FuzzTargets", "TestSupport"] + fuzzed,
      swiftSettings: settings),
    .executableTarget(
      name: "Command",
      dependencies: [
        "Configuration", "Benchmarks", "Golden", "Curves", "Roles", "Objective", "Flow", "Network",
        "Autograd", "Tensor", "Rewards", "Tasks", "Records", "Wire", "Transport", "Telemetry",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings + [.strictMemorySafety()]),
    .testTarget(
      name: "SystemTests",
      dependencies: [
        "Command", "Configuration", "Roles", "Flow", "Autograd", "Tensor", "CKernels", "Wire",
        "Transport",
        "Records", "TestSupport",
      ],
      exclude: ["Python", "Recorder"], swiftSettings: settings),
  ] + fuzz
    + modules.map { module in
      .target(
        name: module.name,
        dependencies: module.imports.map { .init(stringLiteral: $0) } + module.products,
        resources: module.resources,
        swiftSettings: settings + (module.touchesMemory ? [] : [.strictMemorySafety()]))
    }
    + modules.map { module in
      .testTarget(
        name: "\(module.name)Tests",
        dependencies: [.init(stringLiteral: module.name), "TestSupport"]
          + (module.imports + module.testImports).map { .init(stringLiteral: $0) },
        exclude: module.testFiles, swiftSettings: settings)
    },
  swiftLanguageModes: [.v6]
)
