import Bytes
import Foundation
import Records
import TestSupport
import Testing
import Wire

/// Nothing acknowledged is lost: `fdatasync` returned before each acknowledgement was sent.
@Suite(.serialized) struct AcknowledgementTests {
  @Test func `every acknowledgement follows the sync of its record`() throws {
    let folder = try ScratchFolder()
    let library = folder.file("recorder.so")
    let compiler = try ChildProcess(
      "gcc",
      [
        "-shared", "-fPIC", "-O1", "-o", library,
        "\(repositoryRoot())/Tests/SystemTests/Recorder/recorder.c", "-ldl", "-pthread",
      ], errors: .inherited)
    #expect(compiler.wait() == .exit(0))

    let log = folder.file("record")
    let run = folder.file("run")
    // The learner alone is recorded; its actor is another process, started by hand.
    let learner = try Tributary.start(
      ["learner", "density", "--run", run, "--updates", "4", "--json"], in: folder,
      environment: ["LD_PRELOAD": library, "TRIBUTARY_RECORD": log])
    waitUntil("the endpoint") {
      FileManager.default.fileExists(atPath: "\(run)/endpoint.json") || !learner.isRunning
    }
    let actor = try Tributary.start(["actor", "--run", run], in: folder)
    #expect(actor.id != learner.id)
    let outcome = learner.wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(actor.wait().status == 0)

    // Digests written so far and digests synced so far, by file.
    var written: [Int: [String]] = [:]
    var synced: Set<String> = []
    var acknowledged = 0
    let text = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ", omittingEmptySubsequences: false)
      let (file, hex) = (Int(parts[1]) ?? 0, String(parts[2]))
      switch parts[0] {
      case "write": written[file, default: []].append(hex)
      case "synced": synced.formUnion(written.removeValue(forKey: file) ?? [])
      default:
        guard let envelope = try? Envelope(decoding: Self.bytes(hex)),
          case .acknowledge(let list) = envelope.message
        else { continue }
        for acknowledgement in list {
          acknowledged += 1
          #expect(
            synced.contains { $0.contains("\(acknowledgement.digest)") },
            "\(acknowledgement.unit) was acknowledged before its record was synced")
        }
      }
    }
    #expect(acknowledged >= 4 * 8, "\(acknowledged) acknowledgements were seen")
  }

  static func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex.utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).map {
      UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16) ?? 0
    }
  }
}
