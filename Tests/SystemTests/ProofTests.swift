import Foundation
import TestSupport
import Testing

/// `golden` and `bench` are those of the program `tributary-proof` that lies beside `tributary`.
struct ProofTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  @Test func `without tributary-proof one sentence says how to get it`() throws {
    for command in ["golden Tests/Golden --json", "bench", "bench model --help", "golden --help"] {
      let (status, said) = try Shell.run(
        "cp -f \"$T\" tributary; ./tributary \(command)", in: folder)
      #expect(status == 74, "\(said)")
      #expect(said.hasPrefix("tributary: this needs the program tributary-proof"), "\(said)")
      #expect(said.contains("not in \(folder.path);"), "\(said)")
      #expect(said.contains("swift build -c release --product tributary-proof"), "\(said)")
      #expect(said.split(separator: "\n").count == 1, "\(said)")
    }
  }

  @Test func `one that cannot be started is named with the reason`() throws {
    let (status, said) = try Shell.run(
      "cp \"$T\" tributary; : >tributary-proof; ./tributary bench", in: folder)
    #expect(status == 74, "\(said)")
    #expect(said.contains("/tributary-proof cannot be started: Permission denied"), "\(said)")
  }

  @Test func `it is found beside the program, not beside a link to it`() throws {
    let (status, said) = try Shell.run(
      "ln -s \"$T\" linked; ./linked golden '\(repositoryRoot())/Tests/Golden' | tail -n 1",
      in: folder)
    #expect(status == 0, "\(said)")
    #expect(said.contains("passed"), "\(said)")
  }

  @Test func `all arguments and the exit code pass through`() throws {
    let odd = folder.file("a folder that 'is' not -- there")
    let missing = try Tributary.run(["golden", odd], in: folder)
    #expect(missing.status == 64)
    #expect(missing.errors.contains(odd), "\(missing.errors)")
    let threads = try Tributary.run(["bench", "model", "--threads", "0"], in: folder)
    #expect(threads.status == 64)
    #expect(threads.errors.contains("--threads 0 is not in 1...64"), "\(threads.errors)")
  }

  @Test func `tributary lists its commands as it does itself`() throws {
    func rows(_ program: String) throws -> [Substring] {
      try outcome(of: program, ["--help"]).output.split(separator: "\n").filter {
        $0.hasPrefix("  golden ") || $0.hasPrefix("  bench ")
      }.map { $0.drop { $0 == " " } }.sorted()
    }
    let own = try rows("\(Tributary.binary)-proof")
    #expect(own.count == 2)
    func words(_ row: Substring) -> [Substring] { row.split(separator: " ") }
    #expect(try rows(Tributary.binary).map(words) == own.map(words))
    let bench = try Tributary.run(["bench", "--help"], in: folder).output
    let script = try Tributary.run(["--generate-completion-script", "bash"], in: folder).output
    for name in ["model", "update", "kernels", "wire", "ingest"] {
      #expect(bench.contains("\n  \(name) "), "\(bench)")
      #expect(script.contains("'\(name)'"), "\(name)")
    }
  }
}
