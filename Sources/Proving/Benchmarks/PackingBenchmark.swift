import Flow
import Learning
import Records
import Roles
package import Tensor
import Wire

/// What each form of a version's parameters has in bytes, and what it costs who publishes and who pulls it.
package struct PackingBenchmark {
  package struct Form {
    package var name: String
    package var byteCount = 0
    /// Seconds, on all cores.
    package var publish = 0.0
    /// Seconds without the way there, on one core.
    package var pull = 0.0
  }

  package let byteCount: Int
  package private(set) var forms: [Form] = []

  package init(of weights: Buffer, after base: Buffer, rounds: Int) {
    byteCount = weights.count * 4
    for (values, isRounded) in [("float32", false), ("bfloat16", true)] {
      let pair = [base, weights].enumerated().map { version, buffer in
        Snapshot(
          version: PolicyVersion(UInt64(version)),
          parameters: isRounded ? buffer.roundedToBFloat16() : buffer.copy())
      }
      forms.append(Self.form("\(values), as it is", pair[1], nil, [], rounds))
      forms.append(Self.form("\(values), packed", pair[1], nil, [nil], rounds))
      forms.append(
        Self.form("\(values), packed after the last", pair[1], pair[0], [pair[0]], rounds))
    }
  }

  private static func form(
    _ name: String, _ snapshot: Snapshot, _ base: Snapshot?, _ bases: [Snapshot?], _ rounds: Int
  ) -> Form {
    // Their digests are known where they are pulled.
    _ = (snapshot.hash, base?.hash)
    var form = Form(name: name)
    var published = PublishedSnapshots()
    func publish() {
      published.publish(
        PublishedSnapshot(snapshot, packedAgainst: bases), keepingFrom: PolicyVersion(0))
    }
    func pull() {
      let packing = published.packing(PackingRequest(version: snapshot.version, base: base?.hash))
      var pull = ParameterPull(
        published.manifest(of: snapshot.version), packing: packing, base: base?.parameters)
      var wanted = pull.requests()
      form.byteCount = 0
      while let request = wanted.popLast() {
        let payload = published.chunk(request) ?? []
        form.byteCount += payload.count
        let chunk = Chunk(whole: request.whole, index: request.index)
        if case .ask(let more) = pull.received(chunk, payload: payload) { wanted += more }
      }
    }
    let seconds = Stopwatch.medians(rounds: rounds, [publish, pull])
    (form.publish, form.pull) = (seconds[0], seconds[1])
    return form
  }
}
