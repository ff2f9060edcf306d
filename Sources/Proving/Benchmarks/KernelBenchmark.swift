import CKernels
import Tensor

/// `bench kernels`: every kernel of every kernel set beside what bounds it, in one run, round by round.
///
/// Products and attention are bounded by the set's own peak of fused multiply-adds, everything else by
/// the faster ``MemoryYardstick`` over as many bytes. Of all rounds the shortest counts, for kernels and
/// bounds alike. A bound is a measurement too: a kernel that reaches it may seem to pass it.
package struct KernelBenchmark {
  package struct Row: Sendable {
    /// Its name in `CKernels`.
    package var kernel: String
    package var size: String
    package var rows: Int
    /// Whether the bound is arithmetic; otherwise it is memory.
    package var isArithmetic: Bool
    /// 10⁹ floating-point operations or bytes a second, of the kernel and of its bound.
    package var rate: Double
    package var bound: Double
    package var nanosecondsPerRow: Double
  }

  package struct Report: Sendable {
    /// The name of a kernel set and what it reached, case by case.
    package var sets: [(name: String, rows: [Row])]
  }

  /// How much is measured.
  package struct Scope: Sendable {
    package var networks: [ModelConfiguration]
    /// Rows of `width` floats that stay in the second cache, and rows that no cache holds.
    package var cachedRows = 192
    package var memoryRows = 80_000
    package var width = 192
    package var rounds = 7
    /// What one measurement of one contender takes at least, in repeated calls.
    package var seconds = 1e-3

    package init(networks: [ModelConfiguration]) { self.networks = networks }
  }

  /// The kernel sets that this processor has.
  package static var sets: [String] { tables.map(\.name) }

  private static var tables: [(name: String, kernels: CKernels)] {
    Kernels.available.map { (String(cString: $0.pointee.name), $0.pointee) }
  }

  /// - Parameter sets: some of ``sets``.
  package static func run(sets: [String], _ scope: Scope) -> Report {
    let tables = Self.tables.filter { sets.contains($0.name) }
    var report = Report(sets: tables.map { ($0.name, []) })
    let parts: [() -> [KernelCase]] =
      scope.networks.flatMap { network in
        [{ KernelCase.products(of: network) }, { KernelCase.attention(of: network) }]
      } + [
        { KernelCase.traffic(rows: scope.cachedRows, width: scope.width, place: "L2") },
        { KernelCase.traffic(rows: scope.memoryRows, width: scope.width, place: "memory") },
      ]
    let memory = MemoryYardstick(
      bytes: Double(4 * 8 * scope.width * max(scope.memoryRows, scope.cachedRows)))
    for part in parts {
      // A part's operands are gone before the next part's are there.
      for measured in part() {
        let rows = measure(measured, tables.map(\.kernels), memory, scope)
        for (index, row) in rows.enumerated() { report.sets[index].rows.append(row) }
      }
    }
    return report
  }

  /// One case in all sets, each kernel next to its bound.
  private static func measure(
    _ measured: KernelCase, _ tables: [CKernels], _ memory: MemoryYardstick, _ scope: Scope
  ) -> [Row] {
    var work: [Double] = []
    var contenders: [() -> Void] = []
    func contend(_ amount: Double, _ call: @escaping () -> Void) {
      let calls = repetitions(of: call, seconds: scope.seconds)
      work.append(amount * Double(calls))
      contenders.append { for _ in 0..<calls { call() } }
    }
    for table in tables {
      contend(measured.work) { measured.call(table) }
      switch measured.bound {
      case .arithmetic:
        let spins = 1000
        contend(Double(table.peak_operations * spins)) { blackHole(table.peak(spins)) }
      case .traffic(let bytes):
        contend(bytes) { memory.copy(bytes: bytes) }
        contend(bytes) { memory.sweep(bytes: bytes, table) }
      }
    }
    let rates = zip(work, Stopwatch.shortest(rounds: scope.rounds, contenders)).map { $0 / $1 }
    let perTable = contenders.count / tables.count
    return tables.indices.map { index in
      let (kernel, bounds) = (index * perTable, (index * perTable + 1)..<(index + 1) * perTable)
      return Row(
        kernel: measured.kernel, size: measured.size, rows: measured.rows,
        isArithmetic: measured.isArithmetic, rate: rates[kernel] * 1e-9,
        bound: rates[bounds].max()! * 1e-9,
        nanosecondsPerRow: measured.work / rates[kernel] * 1e9 / Double(measured.rows))
    }
  }

  /// How many calls take so many seconds; the first call is not counted.
  private static func repetitions(of call: () -> Void, seconds: Double) -> Int {
    call()
    let clock = ContinuousClock()
    let start = clock.now
    var calls = 0
    repeat {
      call()
      calls += 1
    } while start.duration(to: clock.now) < .seconds(seconds)
    return calls
  }
}
