import Bytes
import Flow
import Glibc
import Programs
import Records
import Synchronization
import Tensor
import Wire

/// One process of a model's program, and what it has been told: parameter sets by slot, prompts by number.
///
/// It is started when it is first asked. Whatever goes wrong, the process is ended; the next question starts
/// another, which is told again what it needs. Used by one thread at a time, but for ``close(_:)``.
final class ModelProcess: @unchecked Sendable {
  // `@unchecked`: ``ModelPool`` lends it to one thread at a time.
  private let command: ProgramCommand
  private let role: ModelRole
  private let options: ModelOptions
  private let variables: [String: String]
  /// What the program must say of itself; nil where that is to be found out.
  private var expected: ProgramContract?

  private struct Life {
    let program: RunningProgram
    let socket: ModelSocket
    let memory: MemoryFile
    /// The number of the last one; `hello` is 0.
    var calls = -1
    /// The kinds of questions that it has answered: the first of each may take longer.
    var answered: Set<String> = []
    /// The sets that it has, by slot, and the call that used each last.
    var sets: [(set: ParameterSet, used: Int)?] = []
    var prompts: [Prompt: (number: Int32, used: Int)] = [:]
    var nextPrompt: Int32 = 0
    /// The call whose graph it may have.
    var kept: Int?
  }

  private var life: Life?
  /// What ``close(_:)`` may end, from another thread.
  private let closable = Mutex<RunningProgram?>(nil)
  private let isClosed = Atomic<Bool>(false)

  /// - Parameter index: which of the processes it is that are asked at once.
  init(
    _ command: ProgramCommand, role: ModelRole, options: ModelOptions, expected: ProgramContract?,
    index: Int = 0
  ) {
    variables = options.variables?.values(at: index) ?? [:]
    self.command = command
    self.role = role
    self.options = options
    self.expected = expected
  }

  deinit { life?.program.end() }

  // MARK: Questions

  /// What the program says of itself.
  func contract(waiting: () -> Void = {}) throws(Fault) -> ProgramContract {
    var question = ModelQuestion("hello")
    question.protocol = ProgramContract.version
    question.role = role.rawValue
    question.seed = options.seed
    question.tributary = options.release
    let header = try exchange(question, MessageTensors(total: 0), waiting: waiting).header
    // The answer has more fields than `hello`'s own.
    return try ProgramContract(decoding: header)
  }

  /// The process that said this of itself is to be asked on, and every later one must say the same.
  func expect(_ contract: ProgramContract) {
    expected = contract
    life?.sets = Array(repeating: nil, count: contract.slots)
  }

  /// A question that has nothing to compute.
  func askNothing() throws(Fault) {
    try begin({})
    var question = ModelQuestion("prompts")
    question.prompts = []
    _ = try exchange(question, MessageTensors(total: 0), waiting: {})
  }

  /// θ of version 0, `[P]`.
  func initialParameters(seed: UInt64, count: Int, waiting: () -> Void) throws(Fault) -> [Float] {
    try begin(waiting)
    var question = ModelQuestion("initial")
    question.seed = seed
    var tensors = MessageTensors(total: count * 4)
    question.into = tensors.place(.f32, [count])
    return try floats(question, tensors, waiting: waiting)
  }

  /// v at some rows, `[R, D]`.
  ///
  /// - Parameter keeps: whether ``pullBack(_:_:_:slopes:waiting:)`` of these rows follows.
  func velocities(
    of rows: RowsPiece, under set: ParameterSet, guidance: Float, keeps: Bool, waiting: () -> Void
  ) throws(Fault) -> [Float] {
    try begin(waiting)
    let (slot, numbers) = try told(set, rows, waiting)
    var question = ModelQuestion("velocities")
    question.keep = keeps ? true : nil
    let answer = try withRows(
      rows, numbers, guidance, slot, in: &question, answerBytes: rows.byteCount
    ) { (question, tensors) throws(Fault) in
      question.into = tensors.place(.f32, [rows.count, rows.latentCount])
      return try floats(question, tensors, waiting: waiting)
    }
    if keeps {
      let call = life?.calls
      life?.kept = call
    }
    return answer
  }

  /// ∂L/∂θ of some rows, `[P]`.
  func pullBack(
    _ rows: RowsPiece, under set: ParameterSet, guidance: Float, slopes: ArraySlice<Float>,
    waiting: () -> Void
  ) throws(Fault) -> [Float] {
    try begin(waiting)
    let (slot, numbers) = try told(set, rows, waiting)
    let count = set.buffer.count
    var question = ModelQuestion("pullback")
    question.kept = life?.kept
    life?.kept = nil
    return try withRows(
      rows, numbers, guidance, slot, in: &question, answerBytes: rows.byteCount + count * 4
    ) { (question, tensors) throws(Fault) in
      try slopes.withBytes { (bytes) throws(Fault) in
        question.slopes = tensors.add(bytes, .f32, [rows.count, rows.latentCount])
        question.into = tensors.place(.f32, [count])
        return try floats(question, tensors, waiting: waiting)
      }
    }
  }

  /// Whatever graph it keeps is of no use any more: the slopes of its rows will not come.
  func forgetGraph() { life?.kept = nil }

  /// The pictures of final latents, `[R, H, W, 3]`.
  func pictures(
    of latents: [Float], rows: Int, size: ModelContract.PictureSize, waiting: () -> Void
  ) throws(Fault) -> [UInt8] {
    try begin(waiting)
    var question = ModelQuestion("pictures")
    let count = rows * size.height * size.width * 3
    var tensors = MessageTensors(total: latents.count * 4 + count)
    return try latents[...].withBytes { (bytes) throws(Fault) in
      question.x = tensors.add(bytes, .f32, [rows, latents.count / rows])
      question.into = tensors.place(.u8, [rows, size.height, size.width, 3])
      return try scalars(question, tensors, waiting: waiting)
    }
  }

  /// Has θ written in the files of the model's own libraries.
  func export(_ set: ParameterSet, to folder: String, waiting: () -> Void) throws(Fault) {
    try begin(waiting)
    var question = ModelQuestion("export")
    question.slot = try slot(of: set, waiting)
    question.folder = folder
    _ = try exchange(question, MessageTensors(total: 0), waiting: waiting)
  }

  // MARK: What it must know first

  /// Starts the process, unless it runs, and makes sure that it is the model that it should be.
  private func begin(_ waiting: () -> Void) throws(Fault) {
    guard life == nil, let expected else { return }
    let found = try contract(waiting: waiting)
    guard found == expected else {
      let fields = found.differences(from: expected.summary)
      throw Fault(
        .unsuitable,
        "\(command) is another model than the run's: "
          + (fields.isEmpty ? "its limits differ" : fields.joined(separator: ", ")))
    }
    life?.sets = Array(repeating: nil, count: expected.slots)
  }

  /// The slot of a set and the numbers of prompts, which it is told unless it knows them.
  private func told(_ set: ParameterSet, _ rows: RowsPiece, _ waiting: () -> Void) throws(Fault)
    -> (slot: Int, numbers: [Int32])
  {
    (try slot(of: set, waiting), try numbers(of: rows, waiting))
  }

  private func slot(of set: ParameterSet, _ waiting: () -> Void) throws(Fault) -> Int {
    guard let life else { throw .closed }
    if let known = life.sets.firstIndex(where: { $0?.set === set }) {
      self.life?.sets[known]?.used = life.calls
      return known
    }
    // The one that was not used for longest gives way.
    let slot = life.sets.indices.min { (life.sets[$0]?.used ?? -1) < (life.sets[$1]?.used ?? -1) }
    guard let slot else { throw .closed }
    self.life?.sets[slot] = nil
    var question = ModelQuestion("parameters")
    question.slot = slot
    let digest = "\(set.digest)"
    question.digest = digest
    let answer = try set.buffer.withBytes { (bytes) throws(Fault) in
      var tensors = MessageTensors(total: bytes.count)
      question.theta = tensors.add(bytes, .f32, [set.buffer.count])
      return try exchange(question, tensors, waiting: waiting).answer
    }
    guard answer.digest == digest else {
      throw ended(
        by: Fault(
          .garbage,
          "it did not apply the parameters that it was sent: their digest is \(digest.prefix(12))…, it"
            + " says \(Fault.beginning(of: (answer.digest ?? "nothing").utf8))"))
    }
    let calls = self.life?.calls ?? 0
    self.life?.sets[slot] = (set, calls)
    return slot
  }

  /// Prompts of one message: their texts are in its header.
  private static let promptsPerMessage = 64

  /// The number of each row's prompt, `[R]`.
  private func numbers(of rows: RowsPiece, _ waiting: () -> Void) throws(Fault) -> [Int32] {
    guard let calls = life?.calls else { throw .closed }
    let chosen = Set(rows.prompts.map(\.prompt))
    let most = expected?.prompts ?? chosen.count
    guard chosen.count <= most else {
      throw Fault(
        .unsuitable, "\(chosen.count) prompts of one question, the program keeps \(most)")
    }
    // In their order, so that equal calls have equal numbers.
    var (new, left): ([Prompt], Set<Prompt>) = ([], chosen)
    for (prompt, _) in rows.prompts where left.remove(prompt) != nil {
      if life?.prompts[prompt] == nil { new.append(prompt) }
    }
    if !new.isEmpty { try tell(new, besides: chosen, upTo: most, waiting) }
    for prompt in chosen { life?.prompts[prompt]?.used = calls }
    return rows.prompts.flatMap { prompt, count in
      repeatElement(life?.prompts[prompt]?.number ?? -1, count: count)
    }
  }

  /// Tells prompts that are not known yet; those that were not used for longest give way.
  private func tell(
    _ new: [Prompt], besides chosen: Set<Prompt>, upTo most: Int, _ waiting: () -> Void
  ) throws(Fault) {
    var forgotten: [Int32] = []
    let known = life?.prompts ?? [:]
    let excess = known.count + new.count - most
    if excess > 0 {
      let old = known.filter { !chosen.contains($0.key) }
        .sorted { ($0.value.used, $0.value.number) < ($1.value.used, $1.value.number) }
      for (prompt, entry) in old.prefix(excess) {
        life?.prompts[prompt] = nil
        forgotten.append(entry.number)
      }
    }
    for start in stride(from: 0, to: new.count, by: Self.promptsPerMessage) {
      let part = new[start..<min(start + Self.promptsPerMessage, new.count)]
      var question = ModelQuestion("prompts")
      var told: [ModelQuestion.Prompt] = []
      for prompt in part {
        guard let number = life?.nextPrompt else { throw .closed }
        life?.nextPrompt = number == .max ? 0 : number + 1
        told.append(
          ModelQuestion.Prompt(
            id: number, text: prompt.text,
            negative: prompt.negative.isEmpty ? nil : prompt.negative,
            metadata: Metadata(json: prompt.metadata)))
      }
      question.prompts = told
      question.forget = start == 0 && !forgotten.isEmpty ? forgotten : nil
      _ = try exchange(question, MessageTensors(total: 0), waiting: waiting)
      for (prompt, told) in zip(part, told) { life?.prompts[prompt] = (told.id, 0) }
    }
  }

  /// Lets a question have its rows; their memory stays where it is meanwhile.
  private func withRows<Result>(
    _ rows: RowsPiece, _ numbers: [Int32], _ guidance: Float, _ slot: Int,
    in question: inout ModelQuestion, answerBytes: Int,
    _ body: (inout ModelQuestion, inout MessageTensors) throws(Fault) -> Result
  ) throws(Fault) -> Result {
    question.slot = slot
    question.guidance = guidance
    var tensors = MessageTensors(total: rows.byteCount + rows.count * 8 + answerBytes)
    return try numbers[...].withBytes { (ids) throws(Fault) in
      try rows.sigmas.withBytes { (sigmas) throws(Fault) in
        try rows.states.withBytes { (states) throws(Fault) in
          question.prompt = tensors.add(ids, .i32, [rows.count])
          question.sigma = tensors.add(sigmas, .f32, [rows.count])
          question.x = tensors.add(states, .f32, [rows.count, rows.latentCount])
          return try body(&question, &tensors)
        }
      }
    }
  }

  // MARK: One question

  /// The numbers of the answer's tensor, all finite.
  private func floats(
    _ question: ModelQuestion, _ tensors: MessageTensors, waiting: () -> Void
  ) throws(Fault) -> [Float] {
    let values: [Float] = try scalars(question, tensors, waiting: waiting)
    guard values.areFinite else {
      throw ended(
        by: Fault(
          .notFinite, "its answer to \(question.ask) has NaN or an infinity among its numbers"))
    }
    return values
  }

  /// The answer's tensor, from where it stands.
  private func scalars<Scalar: BitwiseCopyable>(
    _ question: ModelQuestion, _ tensors: MessageTensors, waiting: () -> Void
  ) throws(Fault) -> [Scalar] {
    guard let place = question.into else { return [] }
    let inline = try exchange(question, tensors, waiting: waiting).inline
    guard place.at == .memory || inline.count == place.offset + place.byteCount else {
      throw ended(
        by: Fault(
          .wrongCount,
          "its answer to \(question.ask) has \(inline.count) bytes, \(place.byteCount) are wanted"))
    }
    let count = place.byteCount / MemoryLayout<Scalar>.size
    return [Scalar](unsafeUninitializedCapacity: count) { buffer, filled in
      let target = UnsafeMutableRawBufferPointer(buffer)
      if place.at == .memory {
        life?.memory.read(into: target, at: place.offset)
      } else {
        inline.withUnsafeBytes {
          target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[place.offset...]))
        }
      }
      filled = count
    }
  }

  /// Ends the process and gives back why: what it says next would answer a question no longer asked.
  private func ended(by fault: Fault) -> Fault {
    let explained = life?.program.explained(fault) ?? fault
    kill()
    return explained
  }

  private func exchange(
    _ question: ModelQuestion, _ tensors: MessageTensors, waiting: () -> Void
  ) throws(Fault) -> (answer: ModelAnswer, header: [UInt8], inline: [UInt8]) {
    guard !isClosed.load(ordering: .relaxed) else { throw .closed }
    if life == nil { life = try start() }
    guard let life else { throw .closed }
    var question = question
    self.life?.calls += 1
    question.call = life.calls + 1
    // The first of a kind may load or compile something.
    let isFirst = !life.answered.contains(question.ask)
    do throws(Fault) {
      let (inline, memory) = try tensors.put(in: life.memory)
      question.inline = inline.isEmpty ? nil : inline.count
      question.memory = memory
      let (header, behind) = try life.socket.exchange(
        header: try question.encoded(), inline: inline,
        within: options.timeout * (isFirst ? 10 : 1)
      ) { () throws(Fault) in
        waiting()
        if isClosed.load(ordering: .relaxed) { throw .closed }
      }
      let answer = try ModelAnswer(decoding: header)
      try answer.check(question)
      self.life?.answered.insert(question.ask)
      return (answer, header, behind)
    } catch {
      // Nothing is to be said of one that was closed, and nothing to be tried again.
      if error == .closed {
        kill()
        throw error
      }
      throw ended(by: error)
    }
  }

  // MARK: Life and death

  private func start() throws(Fault) -> Life {
    let memory: MemoryFile
    let sockets: SocketPair
    do {
      memory = try MemoryFile()
      sockets = try SocketPair()
    } catch {
      throw Fault(.down, "\(command) cannot be started: \(error)")
    }
    let program = try RunningProgram(
      command, output: .words,
      inheriting: [sockets.other.descriptor, memory.descriptor],
      environment: variables.merging(["TRIBUTARY_SOCKET": "3", "TRIBUTARY_MEMORY": "4"]) { $1 })
    closable.withLock { $0 = program }
    // Whoever closed before the line above did not see it.
    if isClosed.load(ordering: .relaxed) { program.end() }
    return Life(program: program, socket: ModelSocket(program, sockets.own), memory: memory)
  }

  /// How a program went when it was let go.
  struct Leaving {
    /// Until its end; nil where it did not end within ``limit``.
    let seconds: Double?
    /// Whether nothing that it has started is still there.
    let isAlone: Bool

    static let limit = 30.0
  }

  /// Lets the process go, and looks how it ends by itself; what is left is killed.
  ///
  /// - Parameter saying: whether it is told `bye`; it sees the end of its socket in both cases.
  func leave(saying: Bool) throws(Fault) -> Leaving {
    try begin({})
    if saying { _ = try exchange(ModelQuestion("bye"), MessageTensors(total: 0), waiting: {}) }
    guard let program = life?.program else { throw .closed }
    let start = ContinuousClock.now
    // The socket goes with it.
    life = nil
    closable.withLock { $0 = nil }
    let end = program.process.wait(until: start + .seconds(Leaving.limit))
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let isAlone = !ProcessGroup.hasMembers(program.process.id)
    program.kill()
    return Leaving(seconds: end == nil ? nil : seconds, isAlone: end == nil || isAlone)
  }

  /// Ends it and what it has started.
  func kill() {
    guard let program = life?.program else { return }
    life = nil
    closable.withLock { $0 = nil }
    program.kill()
  }

  /// Asks processes and what they have started to end, and ends those that do not; may be called from
  /// any thread.
  static func close(_ processes: [ModelProcess]) {
    for process in processes { process.isClosed.store(true, ordering: .relaxed) }
    RunningProgram.close(processes.compactMap { $0.closable.withLock { $0 } })
  }
}

extension ArraySlice {
  /// The bytes of numbers, for a moment.
  fileprivate func withBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws(Fault) -> Result
  ) throws(Fault) -> Result {
    let outcome: Swift.Result<Result, Fault> = withUnsafeBytes { bytes in
      do throws(Fault) {
        return .success(try body(bytes))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }
}
