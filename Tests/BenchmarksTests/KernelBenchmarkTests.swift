import Foundation
import TestSupport
import Testing

import Benchmarks

struct KernelBenchmarkTests {
  /// As small as it gets: what is tested is that everything is there and counted right.
  static let report: KernelBenchmark.Report = {
    var scope = KernelBenchmark.Scope(networks: [smallest])
    scope.cachedRows = 3
    scope.memoryRows = 65
    scope.width = 32
    scope.rounds = 1
    scope.seconds = 1e-6
    return KernelBenchmark.run(sets: KernelBenchmark.sets, scope)
  }()

  /// What `CKernels` has a table entry for, read from its source.
  static func kernels() throws -> Set<String> {
    let table = try String(
      contentsOfFile: repositoryRoot() + "/Sources/Numbers/CKernels/kernels/table.h",
      encoding: .utf8)
    return Set(table.matches(of: /\.(\w+) = ISA\((\w+)\)/).map { String($0.1) })
  }

  @Test func `every kernel is measured in every set`() throws {
    let yardsticks: Set = ["peak", "sweep"]
    let expected = try Self.kernels().subtracting(yardsticks)
    #expect(expected.count > 15, "the table was not understood")
    #expect(Self.report.sets.map(\.name) == KernelBenchmark.sets)
    for (name, rows) in Self.report.sets {
      #expect(Set(rows.map(\.kernel)) == expected, "\(name)")
    }
  }

  @Test func `rates, bounds and costs are positive and finite`() {
    for (name, rows) in Self.report.sets {
      for row in rows {
        let numbers = [row.rate, row.bound, row.nanosecondsPerRow]
        #expect(numbers.allSatisfy { $0.isFinite && $0 > 0 }, "\(name) \(row)")
        #expect(row.rows > 0)
      }
    }
  }

  @Test func `only products and attention are bounded by arithmetic`() {
    for row in Self.report.sets.flatMap(\.rows) {
      #expect(
        row.isArithmetic == ["multiply", "attend", "attend_gradient"].contains(row.kernel),
        "\(row.kernel)")
    }
  }

  /// work = rate · time, whichever way it is written.
  @Test func `a row's cost is its work over its rate`() throws {
    let gelu = try #require(
      Self.report.sets[0].rows.first { $0.kernel == "gelu" && $0.rows == 65 })
    // Each value is read and written.
    let bytesPerRow = 2.0 * 4 * 32
    #expect(abs(gelu.nanosecondsPerRow * gelu.rate / bytesPerRow - 1) < 1e-9)
  }

  @Test func `a set that is not asked for is not measured`() {
    var scope = KernelBenchmark.Scope(networks: [])
    scope.cachedRows = 1
    scope.memoryRows = 1
    scope.width = 16
    scope.rounds = 1
    scope.seconds = 1e-6
    #expect(KernelBenchmark.run(sets: ["portable"], scope).sets.map(\.name) == ["portable"])
  }
}

/// The network with the least work.
let smallest = ModelConfiguration.all.first { $0.name == "S" }!
