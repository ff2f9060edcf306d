import Dispatch
import Flow
import Programs
import Synchronization
import Tensor

/// Work with a program's processes.
///
/// A call is cut into the same pieces whoever computes them; gradients of pieces are added in their order.
/// So what comes out does not depend on how many processes there are.
final class ProgramSession: ModelSession {
  private let program: ProgramContract
  private let pool: ModelPool
  private let options: ModelOptions
  private let waiting: @Sendable () -> Void
  /// The process that keeps the graph of a call whose slopes are being made.
  private var held: ModelProcess?

  init(
    _ program: ProgramContract, _ pool: ModelPool, options: ModelOptions,
    waiting: @escaping @Sendable () -> Void
  ) {
    self.program = program
    self.pool = pool
    self.options = options
    self.waiting = waiting
    latentCount = program.contract.latentCount
  }

  let latentCount: Int

  func close() { pool.close() }

  func velocities(of rows: ModelRows, under parameters: ParameterSet) throws(ModelFailure) -> Slab {
    let pieces = pieces(of: rows)
    let answers = try each(pieces) { (piece, process) throws(Fault) in
      try process.velocities(
        of: piece, under: parameters, guidance: rows.guidance.scale, keeps: false,
        waiting: self.waiting)
    }
    return Slab(answers.flatMap(\.self), columns: latentCount)
  }

  func pullBack(
    at rows: ModelRows, under parameters: ParameterSet, addingTo gradient: Buffer,
    slopes: (Slab) throws(ModelFailure) -> Slab
  ) throws(ModelFailure) {
    let pieces = pieces(of: rows)
    guard pieces.count == 1 else {
      let slopes = try slopes(try velocities(of: rows, under: parameters))
      return try pull(slopes, at: pieces, of: rows, under: parameters, addingTo: gradient)
    }
    // One process computes both ways, and need not compute the first one twice.
    let process = pool.borrow()
    held = process
    defer {
      held = nil
      process.forgetGraph()
      pool.giveBack(process)
    }
    let answer = try asked { (process) throws(Fault) in
      try process.velocities(
        of: pieces[0], under: parameters, guidance: rows.guidance.scale, keeps: true,
        waiting: self.waiting)
    }
    let slopes = try slopes(Slab(answer, columns: latentCount))
    try pull(slopes, at: pieces, of: rows, under: parameters, addingTo: gradient)
  }

  func pixels(of latents: Slab) throws(ModelFailure) -> [[UInt8]] {
    guard let size = program.contract.picture else {
      throw ModelFailure("the model \(program.model.name) decodes no pictures")
    }
    let count = size.height * size.width * 3
    var pixels: [[UInt8]] = []
    for start in stride(from: 0, to: latents.rows, by: program.maxRows) {
      let range = start..<min(start + program.maxRows, latents.rows)
      let part = Array(
        latents.scalars[range.lowerBound * latentCount..<range.upperBound * latentCount])
      let bytes = try asked { (process) throws(Fault) in
        try process.pictures(of: part, rows: range.count, size: size, waiting: self.waiting)
      }
      pixels += (0..<range.count).map { Array(bytes[$0 * count..<($0 + 1) * count]) }
    }
    return pixels
  }

  private func pull(
    _ slopes: Slab, at pieces: [RowsPiece], of rows: ModelRows, under parameters: ParameterSet,
    addingTo gradient: Buffer
  ) throws(ModelFailure) {
    let parts = try each(pieces) { (piece, process) throws(Fault) in
      try process.pullBack(
        piece, under: parameters, guidance: rows.guidance.scale,
        slopes: slopes.scalars[piece.range], waiting: self.waiting)
    }
    for part in parts { gradient.row.add(Buffer(part).row) }
  }

  private func pieces(of rows: ModelRows) -> [RowsPiece] {
    // Each row may have a prompt of its own.
    let most = min(program.maxRows, program.prompts)
    return RowsPiece.pieces(of: rows, upTo: most, latentCount: latentCount)
  }

  // MARK: Processes

  /// One answer for each piece, from as many processes at once as there are.
  private func each<Answer: Sendable>(
    _ pieces: [RowsPiece], _ ask: (RowsPiece, ModelProcess) throws(Fault) -> Answer
  ) throws(ModelFailure) -> [Answer] {
    guard pieces.count > 1, held == nil, options.processes > 1 else {
      var answers: [Answer] = []
      for piece in pieces {
        answers.append(try asked { (process) throws(Fault) in try ask(piece, process) })
      }
      return answers
    }
    let outcomes = Mutex<[Result<Answer, ModelFailure>?]>(
      Array(repeating: nil, count: pieces.count))
    let next = Atomic<Int>(0)
    withoutActuallyEscaping(ask) { ask in
      nonisolated(unsafe) let (ask, session) = (ask, self)
      DispatchQueue.concurrentPerform(iterations: min(options.processes, pieces.count)) { _ in
        while true {
          let place = next.add(1, ordering: .relaxed).oldValue
          guard place < pieces.count else { return }
          let outcome: Result<Answer, ModelFailure>
          do throws(ModelFailure) {
            outcome = .success(
              try session.asked { (process) throws(Fault) in try ask(pieces[place], process) })
          } catch {
            outcome = .failure(error)
          }
          outcomes.withLock { $0[place] = outcome }
        }
      }
    }
    var answers: [Answer] = []
    for outcome in outcomes.withLock({ $0 }) {
      if let outcome { answers.append(try outcome.get()) }
    }
    return answers
  }

  /// An answer of some process: one that fails is ended, and the question asked again of a new one.
  func asked<Answer>(_ ask: (ModelProcess) throws(Fault) -> Answer) throws(ModelFailure) -> Answer {
    let process = held ?? pool.borrow()
    defer { if held == nil { pool.giveBack(process) } }
    var tries = 0
    while true {
      do throws(Fault) {
        return try ask(process)
      } catch {
        process.kill()
        tries += 1
        guard tries <= options.retries, error != .closed, error.kind != .unsuitable else {
          throw ModelFailure(
            error.outline + (tries > 1 ? " (tried \(tries) times)" : ""),
            quoting: error.quote, errorLines: error.errorLines)
        }
      }
    }
  }
}
