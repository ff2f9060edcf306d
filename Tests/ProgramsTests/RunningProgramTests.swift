import Bytes
import Foundation
import Glibc
import Testing

import Programs

/// A program's life: what it says is kept, what it started ends with it, and how it ended is told.
@Suite(.timeLimit(.minutes(2)))
struct RunningProgramTests {
  private static func shell(_ script: String) -> ProgramCommand {
    let path = NSTemporaryDirectory() + "program-\(UUID().uuidString).sh"
    _ = FileManager.default.createFile(atPath: path, contents: Data(script.utf8))
    return ProgramCommand("sh \(path)", in: nil)
  }

  private static func waited(
    _ program: RunningProgram, until isDone: () -> Bool
  ) -> Bool {
    let deadline = ContinuousClock.now + .seconds(60)
    while !isDone(), ContinuousClock.now < deadline { program.wait(for: [], atMost: 0.05) }
    return isDone()
  }

  @Test func theLastLinesOfBothStreamsAreKeptWithTheirNumbers() throws {
    let program = try RunningProgram(
      Self.shell("echo said; sleep 0.1; echo complained >&2; exec sleep 60"), output: .words)
    #expect(Self.waited(program) { program.errorLines.count == 2 })
    #expect(program.errorLines == ["1: said", "2: complained"])
  }

  @Test func aProgramThatEndedIsExplainedByItsLastWord() throws {
    let program = try RunningProgram(
      Self.shell("echo no device >&2; exit 3"), output: .words)
    #expect(Self.waited(program) { !program.process.isRunning })
    let fault = program.ended(closing: "socket")
    #expect(fault.kind == .crashed)
    #expect(fault.outline.hasSuffix("ended (exit 3)") && fault.quote == "no device")
    #expect(fault.errorLines == ["1: no device"])
  }

  @Test func aProgramThatIsNotThereIsDown() throws {
    let program = try RunningProgram(
      ProgramCommand("no-such-program-anywhere", in: nil), output: .words)
    #expect(Self.waited(program) { !program.process.isRunning })
    #expect(program.ended(closing: "socket").kind == .down)
  }

  @Test func itFindsTheDescriptorsThatItInheritsAndItsVariables() throws {
    let sockets = try SocketPair()
    let program = try RunningProgram(
      Self.shell("echo $GREETING >&3; exec sleep 60"), output: .words,
      inheriting: [sockets.other.descriptor], environment: ["GREETING": "hello"])
    var said: [UInt8] = []
    #expect(
      Self.waited(program) {
        said += sockets.own.read()
        return said.count >= 6
      })
    #expect(String(decoding: said, as: UTF8.self) == "hello\n")
    program.kill()
  }

  @Test func whatItStartedEndsWithIt() throws {
    let program = try RunningProgram(
      Self.shell("sleep 300 & echo $!; exec sleep 300"), output: .words)
    #expect(Self.waited(program) { program.errorLines.count == 1 })
    let child = pid_t(program.errorLines[0].dropFirst(3)) ?? 0
    #expect(child > 0 && kill(child, 0) == 0)
    program.kill()
    // A process that was killed may be a zombie until its new parent has looked.
    let deadline = ContinuousClock.now + .seconds(60)
    func isGone() -> Bool {
      let state = (try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8)) ?? ""
      return state.isEmpty || state.contains(") Z ")
    }
    while !isGone(), ContinuousClock.now < deadline { Thread.sleep(forTimeInterval: 0.01) }
    #expect(isGone())
  }
}
