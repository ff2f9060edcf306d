import Foundation
import TestSupport
import Testing

/// Those who watch cannot do harm: a run among hostile watchers is the run without them.
@Suite(.serialized) struct HostileWatcherTests {
  /// Forty at a time at both doors: garbage, lines without an end, answers that nobody takes, connections that say
  /// nothing, and floods of them, by a program that shares no code with ours.
  private static let program = """
    import os, random, socket, sys, time
    run, port = sys.argv[1], int(sys.argv[2])
    kept = []
    def connected(number):
        if number % 2:
            other = socket.socket(socket.AF_UNIX); other.settimeout(1)
            other.connect(os.path.join(run, "control.sock"))
        else:
            other = socket.create_connection(("127.0.0.1", port), 1)
        return other
    number = 0
    while True:
        number += 1
        try:
            other = connected(number)
            kind = number % 6
            if kind == 0: other.sendall(random.randbytes(5000))
            elif kind == 1: other.sendall(b"GET /" + b"x" * (1 << 20))
            elif kind == 2: other.sendall(b"GET /metrics HTTP/1.1\\r\\n\\r\\n")
            elif kind == 3: other.sendall(b"GET /status HTTP/1.1\\r\\n\\r\\n"); other.close(); continue
            elif kind == 4: other.sendall(b"G")
            kept.append(other)
        except OSError: pass
        if len(kept) > 40: kept.pop(0).close()
        if number == 500: print("500", flush=True)
        time.sleep(0.001)
    """

  @Test func `the hash does not depend on who watches`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let life = try Tributary.start(
      DensityRun.arguments(run, actors: 0) + ["--metrics", "127.0.0.1:0"], in: folder)
    defer { life.kill() }
    waitUntil("the doors") { life.text.contains("listening at") }
    let port = try #require(life.text.firstMatch(of: /metrics at http:..127.0.0.1:(\d+)/)?.1)
    try folder.write(Data(Self.program.utf8), to: "watch.py")
    let watcher = try Tributary.start(
      [folder.file("watch.py"), run, "\(port)"], in: folder, program: "/usr/bin/python3")
    defer { watcher.kill() }
    waitUntil("five hundred connections") { watcher.text.contains("500") || !watcher.isRunning }
    // Whoever looks honestly is answered among them, and an actor that comes is welcome.
    waitUntil("an honest look") {
      let outcome = try? Tributary.run(["status", run, "--json"], in: folder)
      return outcome?.json["state"] as? String == "running"
    }
    let actor = try Tributary.start(["actor", "--run", run, "--name", "honest"], in: folder)
    defer { actor.kill() }
    let outcome = life.wait()
    #expect(watcher.isRunning, "\(watcher.errorText)")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.json["params_hash"] as? String == (try DensityRun.reference.get()))
    #expect(!outcome.output.contains("honest left: silent"))
  }
}
