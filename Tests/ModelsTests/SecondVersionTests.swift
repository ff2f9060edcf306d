import Flow
import Foundation
import Glibc
import Records
import Tensor
import Testing
import TestSupport

import Models

/// Whatever is asked of processes is, to the bit, what is computed here: however calls are cut, and by
/// however many processes.
@Suite(.serialized) struct SecondVersionTests {
  private func check(
    _ program: WordsProgram, _ words: Words, _ rows: ModelRows, processes: Int, upTo most: Int
  ) throws {
    let theta = words.theta(11)
    let scalars = theta.buffer.scalars
    let session = try program.model(processes: processes).session()
    let rows = rows.under(Guidance(scale: words.guidance))
    defer { session.close() }
    let expected = words.velocities(of: rows, under: scalars)
    let v = try session.velocities(of: rows, under: theta)
    #expect(v.columns == words.latent && v.scalars == expected)
    var random = SplitMix64(seed: 9)
    let slopes = floats(expected.count, &random)
    let start = floats(scalars.count, &random)
    let gradient = Buffer(start)
    try session.pullBack(at: rows, under: theta, addingTo: gradient) { v in
      #expect(v.scalars == expected)
      return Slab(slopes, columns: words.latent)
    }
    #expect(
      gradient.scalars == words.gradient(of: rows, slopes: slopes, upTo: most, addedTo: start))
  }

  @Test(arguments: [1, 2, 3], [1, 3, 5, 64])
  func `pieces of every size by one, two and three processes`(processes: Int, most: Int) throws {
    let program = try WordsProgram("--rows \(most)")
    let words = Words()
    try check(
      program, words, words.rows(Words.prompts, each: 3), processes: processes, upTo: most)
    // Full pieces and the rest, and each with a way back.
    let pieces = (12 + most - 1) / most
    #expect(try program.asked("pullback").count == pieces)
    #expect(try program.asked("velocities").count == 2 * pieces)
    let sizes = try program.asked("pullback").compactMap {
      (($0["prompt"] as? [String: Any])?["shape"] as? [Int])?.first
    }
    let expected: [Int] = (0..<pieces).map { min(most, 12 - $0 * most) }
    #expect(sizes.sorted() == expected.sorted(), "\(sizes)")
  }

  @Test(arguments: [Float(1), 1.5, 4.3, 0, -0.7]) func `guidance goes to the program`(scale: Float)
    throws
  {
    let program = try WordsProgram("--rows 5")
    var words = Words()
    words.guidance = scale
    try check(program, words, words.rows(Words.prompts, each: 3), processes: 1, upTo: 5)
  }

  @Test func `tensors in the memory file, which grows`() throws {
    let program = try WordsProgram("--latent 900 --rows 40")
    var words = Words()
    words.latent = 900
    for each in [1, 4, 9] {
      try check(program, words, words.rows(Words.prompts, each: each), processes: 1, upTo: 40)
    }
  }

  @Test func `a prompt whose rows do not fit into one piece, and prompts that come twice`() throws {
    let program = try WordsProgram("--rows 4")
    let words = Words()
    let prompts = [Words.prompts[0], Words.prompts[1], Words.prompts[0], Words.prompts[2]]
    var rows = words.rows(prompts, each: 3)
    rows.rowsOfPrompt = [7, 1, 0, 4]
    try check(program, words, rows, processes: 2, upTo: 4)
  }

  @Test func `θ of version 0 is the program's own, by the seed`() throws {
    let program = try WordsProgram()
    let model = try program.model()
    let (one, two) = (try model.initialParameters(seed: 1), try model.initialParameters(seed: 2))
    #expect(one.scalars != two.scalars)
    #expect(try model.initialParameters(seed: 1).scalars == one.scalars)
    let expected: [Float] = (1...9).map { place in Float((2 * place * 37) % 257 - 128) / 512 }
    #expect(one.scalars == expected)
  }

  @Test(arguments: [1, 2, 5, 64]) func `pictures are cut like rows`(most: Int) throws {
    let program = try WordsProgram("--rows \(most)")
    let words = Words()
    let rows = words.rows(Words.prompts, each: 3)
    let session = try program.model().session()
    let pixels = try session.pixels(of: Slab(rows.states, columns: 3))
    func pixel(_ row: Int, _ place: Int) -> UInt8 {
      let value = Int(rows.states[row * 3 + place % 3] * 64) + 128
      return UInt8(max(0, min(255, value)))
    }
    let expected: [[UInt8]] = (0..<12).map { row in (0..<18).map { pixel(row, $0) } }
    #expect(pixels == expected)
    let pieces = (12 + most - 1) / most
    #expect(try program.asked("pictures").count == pieces)
  }

  // MARK: What programs keep

  @Test func `sets beyond the slots give way, and are told again`() throws {
    let program = try WordsProgram("--slots 4")
    let words = Words()
    let rows = words.rows(Array(Words.prompts.prefix(2)), each: 2)
    let session = try program.model().session()
    let sets = (0..<7).map { words.theta(UInt64($0)) }
    func ask(_ place: Int) throws -> Int {
      let before = try program.asked("parameters").count
      let set = sets[place]
      #expect(
        try session.velocities(of: rows, under: set).scalars
          == words.velocities(of: rows, under: set.buffer.scalars))
      return try program.asked("parameters").count - before
    }
    for place in 0..<4 { #expect(try ask(place) == 1) }
    for place in [0, 1, 2, 3, 0] { #expect(try ask(place) == 0) }
    // 1 was not used for longest, then 2.
    #expect(try ask(4) == 1)
    for place in [0, 2, 3, 4] { #expect(try ask(place) == 0) }
    #expect(try ask(1) == 1)
    #expect(try ask(0) == 1)
    var random = SplitMix64(seed: 1)
    for _ in 0..<40 { _ = try ask(Int.random(in: 0..<7, using: &random)) }
    let slots = try program.asked("parameters").compactMap { $0["slot"] as? Int }
    #expect(Set(slots) == [0, 1, 2, 3])
    // The same numbers are another set.
    let twin = ParameterSet(sets[0].buffer)
    _ = try session.velocities(of: rows, under: twin)
    #expect(try program.asked("parameters").last?["digest"] as? String == "\(sets[0].digest)")
  }

  @Test func `prompts beyond the limit are forgotten, and told again`() throws {
    let program = try WordsProgram("--prompts 64 --rows 16")
    let words = Words()
    let session = try program.model().session()
    let theta = words.theta(3)
    let prompts = (0..<150).map {
      Prompt(
        text: String(repeating: "a", count: $0 + 1), category: "a",
        metadata: $0 % 3 == 0 ? "{\"more\":\($0)}" : "")
    }
    var random = SplitMix64(seed: 1)
    for _ in 0..<60 {
      let chosen = (0..<Int.random(in: 1...30, using: &random)).map { _ in
        prompts[Int.random(in: 0..<150, using: &random)]
      }
      let rows = words.rows(chosen, each: 1, seed: random.next())
      #expect(
        try session.velocities(of: rows, under: theta).scalars
          == words.velocities(of: rows, under: theta.buffer.scalars))
    }
    let told = try program.asked("prompts")
    #expect(told.contains { ($0["forget"] as? [Int])?.isEmpty == false })
    // One that stands is not told again.
    let before = told.count
    let rows = words.rows([prompts[149], prompts[149]], each: 1)
    for _ in 0..<3 { _ = try session.velocities(of: rows, under: theta) }
    #expect(try program.asked("prompts").count <= before + 1)
    #expect(try program.pids().count == 1, "nothing was refused")
  }

  @Test func `a question may have more prompts than the program keeps`() throws {
    let program = try WordsProgram("--prompts 64 --rows 200")
    let words = Words()
    let prompts = (0..<150).map { Prompt(text: "prompt \($0)", category: "a") }
    try check(program, words, words.rows(prompts, each: 1), processes: 1, upTo: 64)
    let sizes = try program.asked("pullback").compactMap {
      (($0["prompt"] as? [String: Any])?["shape"] as? [Int])?.first
    }
    #expect(sizes == [64, 64, 22])
  }

  @Test func `many new prompts come in several messages`() throws {
    let program = try WordsProgram("--prompts 1000 --rows 1000")
    let words = Words()
    let prompts = (0..<300).map { Prompt(text: "prompt \($0)", category: "a") }
    try check(program, words, words.rows(prompts, each: 1), processes: 1, upTo: 1000)
    let told = try program.asked("prompts").compactMap { ($0["prompts"] as? [Any])?.count }
    #expect(told.reduce(0, +) == 300 && told.count > 1, "\(told)")
  }

  @Test func `what a prompt is to the program`() throws {
    let program = try WordsProgram()
    let words = Words()
    let session = try program.model().session()
    _ = try session.velocities(of: words.rows(Words.prompts, each: 1), under: words.theta(1))
    let told = try #require(try program.asked("prompts").first?["prompts"] as? [[String: Any]])
    #expect(told.map { $0["id"] as? Int } == [0, 1, 2, 3])
    #expect(told.map { $0["text"] as? String } == Words.prompts.map(\.text))
    #expect(told.map { $0["negative"] as? String } == [nil, "low", nil, nil])
    #expect(told.map { $0["metadata"] != nil } == [false, false, true, false])
    #expect((told[2]["metadata"] as? [String: Any])?["more"] as? Int == 7)
  }

  // MARK: Kept graphs

  @Test func `a kept graph is named by its call, also when other sets were asked in between`()
    throws
  {
    let program = try WordsProgram("--slots 4")
    let words = Words()
    let session = try program.model().session()
    let rows = words.rows(Array(Words.prompts.prefix(3)), each: 2)
    let others = words.rows([Words.prompts[3]], each: 1, seed: 8)
    let sets = (0..<6).map { words.theta(UInt64($0)) }
    for between in [0, 1, 5] {
      let gradient = Buffer(count: 9)
      var slopes: [Float] = []
      try session.pullBack(at: rows, under: sets[0], addingTo: gradient) {
        (v) throws(ModelFailure) in
        for set in sets[1...].prefix(between) {
          _ = try session.velocities(of: others, under: set)
        }
        slopes = v.scalars
        return v
      }
      #expect(slopes == words.velocities(of: rows, under: sets[0].buffer.scalars))
      #expect(
        gradient.scalars
          == words.gradient(
            of: rows, slopes: slopes, upTo: 8, addedTo: [Float](repeating: 0, count: 9)))
      let pulled = try #require(try program.asked("pullback").last)
      let kept = try #require(
        try program.asked("velocities").last { $0["keep"] as? Bool == true })
      #expect(pulled["kept"] as? Int == kept["call"] as? Int)
    }
    #expect(try program.asked("velocities").count { $0["keep"] as? Bool == true } == 3)
    #expect(try program.pids().count == 1)
  }

  @Test func `calls that are cut keep no graph`() throws {
    let program = try WordsProgram("--rows 5")
    let words = Words()
    try check(program, words, words.rows(Words.prompts, each: 3), processes: 1, upTo: 5)
    #expect(try program.asked("velocities").allSatisfy { $0["keep"] == nil })
    #expect(try program.asked("pullback").allSatisfy { $0["kept"] == nil })
  }

  @Test func `a graph whose slopes did not come is not taken for that of other rows`() throws {
    let program = try WordsProgram("--rows 5")
    let words = Words()
    let session = try program.model().session()
    let theta = words.theta(4)
    let gradient = Buffer(count: 9)
    let found = ModelProgram.failure { () throws(ModelFailure) in
      try session.pullBack(
        at: words.rows(Array(Words.prompts.prefix(2)), each: 2), under: theta, addingTo: gradient
      ) { (_) throws(ModelFailure) in throw ModelFailure("no slopes") }
    }
    #expect(found?.outline == "no slopes")
    #expect(gradient.scalars.allSatisfy { $0 == 0 })
    // In pieces, which keep nothing.
    let rows = words.rows(Words.prompts, each: 2, seed: 6)
    var slopes: [Float] = []
    try session.pullBack(at: rows, under: theta, addingTo: gradient) {
      slopes = $0.scalars
      return $0
    }
    #expect(
      gradient.scalars
        == words.gradient(
          of: rows, slopes: slopes, upTo: 5, addedTo: [Float](repeating: 0, count: 9)))
    #expect(try program.asked("pullback").allSatisfy { $0["kept"] == nil })
  }

  @Test func `a graph that ended with its process is not asked for`() throws {
    let program = try WordsProgram()
    program.options.retries = 1
    let words = Words()
    let session = try program.model().session()
    let rows = words.rows(Words.prompts, each: 2)
    let theta = words.theta(4)
    let gradient = Buffer(count: 9)
    var slopes: [Float] = []
    try session.pullBack(at: rows, under: theta, addingTo: gradient) { v in
      slopes = v.scalars
      for pid in program.living() { kill(pid, SIGKILL) }
      return v
    }
    #expect(
      gradient.scalars
        == words.gradient(
          of: rows, slopes: slopes, upTo: 8, addedTo: [Float](repeating: 0, count: 9)))
    #expect(try program.asked("pullback").allSatisfy { $0["kept"] == nil })
    #expect(try program.pids().count == 2)
  }

  @Test func `processes killed at any moment change no bit`() throws {
    let program = try WordsProgram("--rows 3")
    program.options.retries = 1_000
    let words = Words()
    let session = try program.model(processes: 3).session()
    defer { session.close() }
    let rows = words.rows(Words.prompts, each: 6)
    let theta = words.theta(4)
    let expected = words.velocities(of: rows, under: theta.buffer.scalars)
    let killer = Killer { program.living() }
    killer.start()
    var answers = 0
    waitUntil("six kills") {
      let v = try? session.velocities(of: rows, under: theta)
      #expect(v?.scalars == expected, "answer \(answers)")
      answers += 1
      return killer.kills >= 6
    }
    killer.stop()
    #expect(try session.velocities(of: rows, under: theta).scalars == expected)
    #expect(try program.pids().count > 3)
  }
}

/// Kills a random one of some processes now and then.
private final class Killer: @unchecked Sendable {
  // `@unchecked`: the lock guards what both threads touch.
  private let pids: () -> [pid_t]
  private let lock = NSLock()
  private var isOver = false
  private var count = 0
  private let end = DispatchSemaphore(value: 0)

  init(_ pids: @escaping () -> [pid_t]) { self.pids = pids }

  func start() {
    let thread = Thread { [self] in
      var random = SplitMix64(seed: 3)
      while true {
        Thread.sleep(forTimeInterval: .random(in: 0.02...0.25, using: &random))
        lock.lock()
        let over = isOver
        lock.unlock()
        if over { break }
        guard let victim = pids().randomElement(using: &random), kill(victim, SIGKILL) == 0 else {
          continue
        }
        lock.lock()
        count += 1
        lock.unlock()
      }
      end.signal()
    }
    thread.start()
  }

  var kills: Int {
    lock.lock()
    defer { lock.unlock() }
    return count
  }

  func stop() {
    lock.lock()
    isOver = true
    lock.unlock()
    end.wait()
  }
}
