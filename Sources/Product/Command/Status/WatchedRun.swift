import Configuration
import Dialogue
import Foundation
import Ledger
import Records
import Roles
import Tasks
import Telemetry
import Transport

/// A run folder as somebody looks at it who does not work for the run: asks its learner, or else reads what the folder
/// says. Writes nothing.
struct WatchedRun {
  let folder: RunFolder

  /// Seconds in which a learner has to answer.
  private static let patience = 5.0
  /// Bytes of a file's end that are read.
  private static let tail: UInt64 = 16_384

  init(_ path: String) throws {
    folder = RunFolder(path)
    guard folder.exists else { throw OpenRun.missing(path) }
  }

  func look() throws -> RunStatus {
    let page: HTTPAnswer
    do throws(ControlQuestion.Failure) {
      page = try ControlQuestion.ask(
        "/status", at: RunFolder.controlName, in: folder.path, within: Self.patience)
    } catch {
      switch error {
      case .nobody: return try unserved()
      case .silent:
        return try unserved(.silent, "its learner does not answer; see \(folder.log)")
      case .unreadable:
        return try unserved(.silent, "who answers at \(folder.control) is no learner of a run")
      case .refused(let fault):
        return try unserved(.silent, "its learner cannot be asked by this user: \(fault)")
      }
    }
    guard page.status == .ok else {
      return try unserved(.silent, "its learner does not answer; see \(folder.log)")
    }
    do throws(RunStatus.Unreadable) {
      return try RunStatus(decoding: page.body)
    } catch {
      guard let format = error.format else {
        return try unserved(.silent, "who answers at \(folder.control) is no learner of a run")
      }
      throw RunFailure(
        .incompatible,
        "the learner of \(folder.path) tells its status in form \(format), and this program reads form"
          + " \(RunStatus.format); use the release that trains the run")
    }
  }

  // MARK: What the folder says

  private func unserved(_ state: RunStatus.State = .stopped, _ advice: String? = nil) throws
    -> RunStatus
  {
    let identity = try RunFolder.read(RunIdentity.self, from: folder.identity)
    let configuration = try? RunConfiguration(savedIn: folder)
    let line = MetricsLines.newestUpdate(in: folder.metrics)
    let saved = (try? Checkpoint.versions(in: folder))?.last ?? 0
    let version = max(UInt64(line?["version"] ?? 0), saved)
    let target = (identity.updates ?? configuration?.updates).map { UInt64(max(0, $0)) }
    let now = Date().timeIntervalSince1970
    var status = RunStatus(
      state: state, time: (now * 1e3).rounded() / 1e3,
      run: RunStatus.Run(
        path: folder.path, runID: identity.runID, task: configuration?.task.rawValue ?? "",
        generation: identity.epoch, numericsClass: ""),
      progress: RunStatus.Progress(version: version, target: target ?? version))
    status.progress.age = line?[Metric.wall.name].map { max(0, now - $0) }
    status.newest = line?.filter { $0.key != "version" && $0.key != Metric.wall.name }
    status.disk = RunStatus.Disk(of: folder)
    status.alarms = alarms
    status.advice = advice
    if state == .silent { return status }
    if target.map({ version >= $0 }) ?? false { status.state = .finished }
    let resume = "tributary resume \(folder.path.shellWord)"
    if let holder = LockHolder(of: folder.lock) {
      status.state = .silent
      status.advice =
        "process \(holder.pid) trains it and tells no status: it is just starting, or of an older release"
    } else if status.state == .finished {
      status.advice = "to continue: \(resume) --updates N"
    } else if let host = lastHost, host != ProcessInfo.processInfo.hostName {
      status.advice =
        "its last learner was started on \(host), whose processes cannot be seen from here; ask there, or"
        + " continue here: \(resume)"
    } else {
      status.advice = "to continue: \(resume)"
    }
    return status
  }

  private var lastHost: String? {
    (try? RunFolder.read([EnvironmentRecord].self, from: folder.environment))?.last?.host
  }

  /// The last ones of `alarms.jsonl`.
  private var alarms: [RunStatus.Trouble] {
    struct Line: Decodable {
      var version: UInt64
      var alarm: String
      var finding: String
      var remedy: String
    }
    guard let file = FileHandle(forReadingAtPath: folder.alarms) else { return [] }
    defer { try? file.close() }
    guard let end = try? file.seekToEnd(),
      (try? file.seek(toOffset: end - min(end, Self.tail))) != nil,
      let data = try? file.read(upToCount: Int(Self.tail))
    else { return [] }
    return data.split(separator: UInt8(ascii: "\n")).suffix(3).compactMap { row in
      guard let json = ForeignJSON.checked(row),
        let line = try? JSONDecoder().decode(Line.self, from: Data(json))
      else { return nil }
      return RunStatus.Trouble(
        text: "\(line.finding); \(line.remedy)", alarm: line.alarm, version: line.version)
    }
  }
}
