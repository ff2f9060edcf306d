import Flow
import Foundation
import Glibc
import Programs
import Records
import Synchronization
import Tensor
import Testing
import TestSupport

import Models

/// Real processes that answer as no model should: what a call fails with, what is left of them, and that
/// a new process is asked where that helps.
@Suite(.serialized) struct MisbehaviourTests {
  private let words = Words()
  private var rows: ModelRows { words.rows(Words.prompts, each: 2) }

  /// Asks each kind of question once.
  private func work(_ program: WordsProgram, _ model: ModelProgram) throws(ModelFailure) {
    let start = try model.initialParameters(seed: 3)
    let session = model.session()
    let theta = ParameterSet(start)
    let gradient = Buffer(count: start.count)
    let v = try session.velocities(of: rows, under: theta)
    try session.pullBack(at: rows, under: theta, addingTo: gradient) { $0 }
    let pixels = try session.pixels(of: Slab(rows.states, columns: 3))
    #expect(v.scalars == words.velocities(of: rows, under: start.scalars))
    #expect(
      gradient.scalars
        == words.gradient(
          of: rows, slopes: v.scalars, upTo: 8,
          addedTo: [Float](repeating: 0, count: start.count)))
    #expect(pixels.count == rows.count && pixels.allSatisfy { $0.count == 18 })
  }

  /// - Returns: what a program of these arguments fails with.
  private func failure(
    _ arguments: String, timeout: Double = 120, retries: Int = 0
  ) throws -> (failure: ModelFailure?, program: WordsProgram) {
    let program = try WordsProgram(arguments)
    program.options.timeout = timeout
    program.options.retries = retries
    let model = try program.model()
    let failure = ModelProgram.failure { () throws(ModelFailure) in try work(program, model) }
    if failure != nil {
      // Nobody had to close anything.
      program.expectGone(try program.pids())
    }
    return (failure, program)
  }

  private static let questions = [
    "hello", "initial", "parameters", "prompts", "velocities", "pullback", "pictures",
  ]

  @Test func `a program that does nothing wrong is asked each question once`() throws {
    let (failure, program) = try failure("")
    #expect(failure == nil)
    let asked = try program.log().compactMap { $0["ask"] as? String }
    #expect(
      asked == [
        "hello", "initial", "parameters", "prompts", "velocities", "velocities", "pullback",
        "pictures",
      ])
    let calls = try program.log().compactMap { $0["call"] as? Int }
    #expect(calls == Array(0..<8), "hello is call 0")
  }

  // MARK: One question, one failure

  @Test(arguments: questions) func `a process that ends at a question is named with its last words`(
    question: String
  ) throws {
    let (failure, _) = try failure("--do die --at \(question)")
    let found = try #require(failure)
    #expect(
      found.outline.contains("model.py") && found.outline.contains("ended (exit 3)"), "\(found)")
    #expect(found.quote == "there was no more paper")
    #expect(found.errorLines.last?.hasSuffix("there was no more paper") == true)
  }

  @Test(arguments: questions) func `one that is killed, or cuts its answer off, is named too`(
    question: String
  ) throws {
    let killed = try #require(try failure("--do killed --at \(question)").failure)
    #expect(killed.outline.contains("ended (signal 9)"), "\(killed)")
    let cut = try #require(try failure("--do middle --at \(question)").failure)
    #expect(cut.outline.contains("ended (exit 5)"), "\(cut)")
    #expect(cut.quote == "the cable was cut")
  }

  @Test(arguments: questions) func `what ended once is asked again of a new process`(
    question: String
  ) throws {
    for mode in ["die", "middle", "retry", "text", "twice"] {
      let (failure, program) = try failure(
        "--do \(mode) --at \(question) --times 1-1", retries: 1)
      #expect(failure == nil, "\(mode) at \(question): \(String(describing: failure))")
      #expect(try Set(program.log().compactMap { $0["pid"] as? Int }).count == 2, "\(mode)")
    }
  }

  struct Wrong: Sendable, CustomTestStringConvertible {
    var testDescription: String { "\(mode) at \(question)" }
    var mode: String
    var question: String
    var words: String

    init(_ mode: String, _ question: String, _ words: String) {
      (self.mode, self.question, self.words) = (mode, question, words)
    }
  }

  @Test(arguments: [
    Wrong("short", "initial", "its answer to initial has 32 bytes, 36 are wanted"),
    Wrong("short", "velocities", "its answer to velocities has 92 bytes, 96 are wanted"),
    Wrong("long", "velocities", "its answer to velocities has 100 bytes, 96 are wanted"),
    Wrong("short", "pullback", "its answer to pullback has 32 bytes, 36 are wanted"),
    Wrong("short", "pictures", "its answer to pictures has 140 bytes, 144 are wanted"),
    Wrong("unwritten", "velocities", "its answer to velocities has 0 bytes"),
    Wrong("nan", "initial", "its answer to initial has NaN or an infinity among its numbers"),
    Wrong("nan", "velocities", "its answer to velocities has NaN or an infinity"),
    Wrong("inf", "velocities", "its answer to velocities has NaN or an infinity"),
    Wrong("nan", "pullback", "its answer to pullback has NaN or an infinity"),
    Wrong("inf", "pullback", "its answer to pullback has NaN or an infinity"),
    Wrong("digest", "parameters", "did not apply the parameters that it was sent: their digest is"),
    Wrong("mute", "parameters", "it says nothing"),
    Wrong("huge", "velocities", "header has 2147483648 bytes, 1 to 1048576 are allowed"),
    Wrong("empty", "velocities", "header has 0 bytes"),
    Wrong("text", "velocities", "its answer's header is no answer: \"good morning\""),
    Wrong("list", "hello", "its answer's header is no answer: \"[1, 2, 3]\""),
    Wrong("nested", "prompts", "its answer's header is no answer: \"{\"a\":{\"a\":"),
    Wrong("claims", "velocities", "65540 bytes behind the header, up to 65536"),
    Wrong("negative", "velocities", "-4 bytes behind the header"),
    Wrong("call", "velocities", "it answers call 1004, asked was call 4"),
    Wrong("name", "velocities", "it answers something else than velocities: \"something else\""),
    Wrong("twice", "velocities", "it sent more than one answer"),
    Wrong("close", "velocities", "closed its socket"),
    Wrong("refuse", "velocities", "cannot answer velocities: \"this is not to be had\""),
    Wrong("retry", "velocities", "cannot answer velocities: \"no memory on the device\""),
  ])
  func `an answer that breaks a rule is named in a sentence, and its process ends`(wrong: Wrong)
    throws
  {
    let (failure, program) = try failure("--do \(wrong.mode) --at \(wrong.question)")
    let found = try #require(failure)
    #expect(found.description.contains(wrong.words), "\(found)")
    #expect(found.description.hasPrefix("model: "))
    #expect(!found.description.contains("\n") && found.description.utf8.count < 500, "\(found)")
    #expect(!found.description.contains("tried"))
    #expect(try program.pids().count == 1)
  }

  @Test(arguments: ["short", "unwritten", "nan"])
  func `the same in the memory file, where nothing is written is no number`(mode: String) throws {
    let program = try WordsProgram("--latent 1500 --do \(mode) --at velocities --times 2-2")
    var words = words
    words.latent = 1_500
    let rows = words.rows(Array(Words.prompts.prefix(2)), each: 4)
    let theta = words.theta(1)
    let session = try program.model().session()
    // What the file had before would be taken for an answer.
    let first = try session.velocities(of: rows, under: theta)
    #expect(first.scalars == words.velocities(of: rows, under: theta.buffer.scalars))
    let found = try #require(
      ModelProgram.failure { () throws(ModelFailure) in
        try session.velocities(of: rows, under: theta)
      })
    #expect(found.outline.contains("NaN or an infinity among its numbers"), "\(found)")
    #expect(
      try session.velocities(of: rows, under: theta).scalars == first.scalars, "a new process")
    let pids = try program.pids()
    #expect(pids.count == 2)
    session.close()
    program.expectGone(pids)
  }

  @Test(arguments: ["velocities", "pictures"])
  func `silence ends after the time that is allowed`(question: String) throws {
    let (failure, program) = try failure(
      "--do silent --at \(question)", timeout: 0.2)
    let found = try #require(failure)
    #expect(found.outline == "no answer within 2 s", "the first of a kind has ten times as long")
    #expect(found.errorLines == ["1: thinking"])
    #expect(try program.pids().count == 1)
  }

  @Test func `what comes in single bytes, and megabytes of words, are no failure`() throws {
    for arguments in ["--do drops --at velocities", "--do chatty --at velocities"] {
      let (failure, program) = try failure(arguments)
      #expect(failure == nil, "\(String(describing: failure))")
      #expect(try program.pids().count == 1)
    }
  }

  @Test func `a long sentence is cut`() throws {
    let found = try #require(try failure("--do speech --at velocities").failure)
    #expect(found.quote?.utf8.count == 1_024)
  }

  // MARK: Again, and not again

  @Test func `a failure is tried as often as allowed, and no more`() throws {
    let (often, patient) = try failure("--do die --at velocities --times 1-2", retries: 2)
    #expect(often == nil, "\(String(describing: often))")
    #expect(try patient.pids().count == 3)
    let (never, hasty) = try failure("--do die --at velocities --times 1-2", retries: 1)
    let found = try #require(never)
    #expect(found.outline.hasSuffix("(tried 2 times)"), "\(found)")
    #expect(try hasty.pids().count == 2)
  }

  @Test func `an error that is final is not asked again, one that may pass is`() throws {
    let (refusal, refusing) = try failure("--do refuse --at velocities", retries: 5)
    #expect(refusal?.quote == "this is not to be had")
    #expect(try refusing.asked("velocities").count == 1)
    let (error, failing) = try failure("--do retry --at velocities", retries: 2)
    #expect(error?.outline.hasSuffix("(tried 3 times)") == true)
    #expect(try failing.asked("velocities").count == 3)
  }

  @Test func `a session goes on with a new process, which is told again what it needs`() throws {
    let program = try WordsProgram("--do die --at velocities --times 3-3")
    let model = try program.model()
    let session = model.session()
    let theta = words.theta(2)
    let expected = words.velocities(of: rows, under: theta.buffer.scalars)
    for _ in 0..<2 { #expect(try session.velocities(of: rows, under: theta).scalars == expected) }
    let found = ModelProgram.failure { () throws(ModelFailure) in
      try session.velocities(of: rows, under: theta)
    }
    #expect(found?.outline.contains("exit 3") == true)
    for _ in 0..<2 { #expect(try session.velocities(of: rows, under: theta).scalars == expected) }
    #expect(try program.pids().count == 2)
    #expect(try program.asked("parameters").count == 2)
    #expect(try program.asked("hello").count == 2)
  }

  @Test func `another model after a restart is refused with the field, and not asked again`() throws
  {
    let program = try WordsProgram("--do contract --at hello --times 2-2")
    program.options.retries = 3
    let session = try program.model().session()
    let theta = words.theta(2)
    _ = try session.velocities(of: rows, under: theta)
    let first = try #require(try program.pids().first)
    kill(first, SIGKILL)
    let found = try #require(
      ModelProgram.failure { () throws(ModelFailure) in
        try session.velocities(of: rows, under: theta)
      })
    #expect(found.outline.contains("is another model than the run's: base ("), "\(found)")
    #expect(try program.asked("hello").count == 2)
    program.expectGone(try program.pids())
  }

  @Test func `a program that cannot be started is named`() throws {
    for command in ["/no/such/program", "no-such-program-anywhere", "/etc/passwd"] {
      let model = ModelProgram(
        ProgramCommand(command, in: nil), is: try WordsProgram().contract(), role: .check,
        options: ModelOptions())
      let found = try #require(
        ModelProgram.failure { () throws(ModelFailure) in try model.initialParameters(seed: 1) })
      #expect(found.outline.contains(command), "\(found)")
      #expect(found.outline.hasSuffix("(tried 3 times)"), "\(found)")
    }
  }

  @Test func `a contract is asked for by itself, and its process ends`() throws {
    let program = try WordsProgram()
    let contract = try ModelProgram.contract(of: program.command, options: program.options)
    #expect(try contract == program.contract())
    #expect(try program.asked("hello").first?["role"] as? String == "check")
    program.expectGone(try program.pids())
    let broken = try WordsProgram("--do text --at hello")
    let fault = #expect(throws: Fault.self) {
      try ModelProgram.contract(of: broken.command, options: broken.options)
    }
    #expect(fault?.quote == "good morning")
    broken.expectGone(try broken.pids())
  }

  // MARK: What is left

  @Test(arguments: ["child", "orphan"])
  func `what a process has started ends with it`(mode: String) throws {
    let program = try WordsProgram("--do \(mode) --at velocities")
    let session = try program.model().session()
    let found = ModelProgram.failure { () throws(ModelFailure) in
      try session.velocities(of: rows, under: words.theta(2))
    }
    #expect((found == nil) == (mode == "orphan"), "\(String(describing: found))")
    session.close()
    let pids = try program.pids()
    #expect(pids.count == 2)
    program.expectGone(pids)
  }

  @Test func `whoever waits says so, and closing ends the wait and the process`() throws {
    let program = try WordsProgram("--do silent --at velocities")
    program.options.timeout = 600
    program.options.retries = 5
    let ticks = Atomic<Int>(0)
    let session = try program.model().session() {
      ticks.add(1, ordering: .relaxed)
    }
    nonisolated(unsafe) let (closing, asking) = (session, program)
    let thread = Thread {
      waitUntil("the question and three words that it is waited for") {
        (try? asking.asked("velocities").isEmpty) == false && ticks.load(ordering: .relaxed) >= 3
      }
      closing.close()
    }
    thread.start()
    let found = try #require(
      ModelProgram.failure { () throws(ModelFailure) in
        try session.velocities(of: rows, under: words.theta(2))
      })
    // Closing kills the process, and whichever is seen first is said.
    #expect(
      found.outline.hasPrefix("it is closed") || found.outline.contains("ended (")
        || found.outline.contains("closed its socket"), "\(found)")
    #expect(try program.pids().count == 1, "it is not started again")
    program.expectGone(try program.pids())
    let later = ModelProgram.failure { () throws(ModelFailure) in
      try session.velocities(of: rows, under: words.theta(2))
    }
    #expect(later?.outline == "it is closed")
    #expect(try program.pids().count == 1)
  }

  @Test func `processes end with the model`() throws {
    let program = try WordsProgram("--rows 2")
    do {
      let session = try program.model(processes: 3).session()
      _ = try session.velocities(of: rows, under: words.theta(2))
    }
    let pids = try program.pids()
    #expect((1...3).contains(pids.count))
    program.expectGone(pids)
  }

  @Test func `a program that fails again and again leaves no descriptor open`() throws {
    let model = ModelProgram(
      ProgramCommand("/bin/false", in: nil), is: try WordsProgram().contract(), role: .check,
      options: ModelOptions())
    func fail() {
      let found = ModelProgram.failure { () throws(ModelFailure) in
        try model.initialParameters(seed: 1)
      }
      #expect(found?.outline.contains("(exit 1)") == true, "\(String(describing: found))")
    }
    // Other tests of this process open and close some, but not hundreds.
    func open() throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }
    fail()
    let before = try open()
    for _ in 0..<60 { fail() }
    let after = try open()
    #expect(after < before + 120, "\(before) before, \(after) after")
  }
}
