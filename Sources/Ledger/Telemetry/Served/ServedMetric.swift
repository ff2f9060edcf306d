/// A number that a learner serves to Prometheus, defined once.
///
/// Of a label's values there are few, and none is a word of a peer: names of actors come and go without end, and each would
/// be a series for good. Who does what is in `tributary status`.
package struct ServedMetric: Hashable, Sendable {
  package enum Kind: String, Sendable {
    case counter, gauge, histogram, summary
  }

  package let name: String
  package let kind: Kind
  /// What it is, in one sentence with its unit.
  package let meaning: String
  package let labels: [String]

  init(_ name: String, _ kind: Kind, labels: [String] = [], _ meaning: String) {
    self.name = name
    self.kind = kind
    self.meaning = meaning
    self.labels = labels
  }

  // The learner.

  package static let info = ServedMetric(
    "tributary_info", .gauge, labels: ["release", "run_id", "task", "numerics_class"],
    "1; its labels say what runs.")
  package static let start = ServedMetric(
    "tributary_start_time_seconds", .gauge,
    "When this learner was started, in seconds since 1970-01-01 UTC.")
  package static let generation = ServedMetric(
    "tributary_generation", .gauge, "Lives of the run's learner so far; each start adds one.")
  package static let ready = ServedMetric(
    "tributary_ready", .gauge, "1 while actors may come, 0 while the run is resumed or ends.")
  package static let evaluating = ServedMetric(
    "tributary_evaluating", .gauge, "1 while the learner evaluates and trains nothing.")
  package static let paused = ServedMetric(
    "tributary_paused", .gauge, "1 while nothing is leased because rewards fail.")
  package static let memory = ServedMetric(
    "process_resident_memory_bytes", .gauge, "Resident memory of the learner, in bytes.")

  // Training.

  package static let version = ServedMetric(
    "tributary_version", .gauge, "Updates since the start of the run.")
  package static let target = ServedMetric(
    "tributary_target_version", .gauge, "The version at which the run is done.")
  package static let updates = ServedMetric(
    "tributary_updates_total", .counter, "Updates of this learner since it was started.")
  package static let updateSeconds = ServedMetric(
    "tributary_update_seconds", .summary, labels: ["quantile"],
    "Seconds from one commit to the next; the quantile 0.5 is the median of the last 100.")
  package static let learnSeconds = ServedMetric(
    "tributary_learn_seconds_total", .counter, "Seconds of the learner's arithmetic in updates.")
  package static let waitSeconds = ServedMetric(
    "tributary_wait_seconds_total", .counter, "Seconds in which the learner waited for units.")
  package static let progressAge = ServedMetric(
    "tributary_progress_age_seconds", .gauge,
    "Seconds since the last update or evaluation, or since the start.")
  package static let newest = ServedMetric(
    "tributary_newest", .gauge, labels: ["metric"],
    "The last update's numbers, each under its name in metrics.jsonl.")
  package static let evaluation = ServedMetric(
    "tributary_evaluation", .gauge, labels: ["score"],
    "The last evaluation's scores: soft, strict, held_out, reward.")
  package static let evaluationVersion = ServedMetric(
    "tributary_evaluation_version", .gauge, "The version that was evaluated last.")
  package static let lag = ServedMetric(
    "tributary_lag_versions", .histogram, labels: ["le"],
    "Versions between the parameters that sampled a unit and those that learned from it.")
  package static let parameters = ServedMetric(
    "tributary_parameters_bytes", .gauge, "Bytes of the parameters that an actor pulls.")

  // Actors and their units.

  package static let actors = ServedMetric(
    "tributary_actors", .gauge, "Actors that have a session now.")
  package static let joined = ServedMetric(
    "tributary_actors_joined_total", .counter, "Sessions that actors have opened.")
  package static let heartbeatAge = ServedMetric(
    "tributary_heartbeat_age_seconds", .gauge,
    "Seconds since the most silent actor was heard; 5 end its session.")
  package static let units = ServedMetric(
    "tributary_units", .gauge, labels: ["state"],
    "Units of the open updates: free, leased, checking, arrived (on the way to the journal), durable."
  )
  package static let leases = ServedMetric(
    "tributary_leases_total", .counter, labels: ["kind"],
    "Leases: normal, backup (who has the unit is late), audit, attempt (of an actor that has delivered nothing yet)."
  )
  package static let counted = ServedMetric(
    "tributary_results_counted_total", .counter,
    "Results that count: units and parts of evaluations.")
  package static let equal = ServedMetric(
    "tributary_results_equal_total", .counter, "Results that came again, with equal bytes.")
  package static let nondeterminism = ServedMetric(
    "tributary_nondeterminism_total", .counter,
    "Results that are not what their parameters make, or not what another actor made of the same unit."
  )
  package static let refused = ServedMetric(
    "tributary_refused_messages_total", .counter, "Messages of peers that were refused.")
  package static let actorSeconds = ServedMetric(
    "tributary_actor_seconds_total", .counter, labels: ["phase"],
    "Seconds that results say they took, as far as that can be: sample, judge.")
  package static let exchangeSeconds = ServedMetric(
    "tributary_exchange_seconds_total", .counter,
    "Seconds in which the learner's exchange was at work.")

  // The disk.

  package static let journalBytes = ServedMetric(
    "tributary_journal_bytes", .gauge, "Bytes of the journal's files.")
  package static let journalSeconds = ServedMetric(
    "tributary_journal_write_seconds", .summary,
    "Seconds of writing to the journal and syncing it, many records at once.")
  package static let diskFree = ServedMetric(
    "tributary_disk_free_bytes", .gauge, "Bytes that are free on the run's disk.")
  package static let diskNeeded = ServedMetric(
    "tributary_disk_needed_bytes", .gauge,
    "Bytes that two checkpoints and the next updates take, at most 100 of them.")
  package static let alarms = ServedMetric(
    "tributary_alarms_total", .counter, labels: ["alarm"],
    "Alarms of this learner since it was started, by their names in alarms.jsonl.")

  package static let all = [
    info, start, generation, ready, evaluating, paused, memory, version, target, updates,
    updateSeconds, learnSeconds, waitSeconds, progressAge, newest, evaluation, evaluationVersion,
    lag, parameters, actors, joined, heartbeatAge, units, leases, counted, equal, nondeterminism,
    refused, actorSeconds, exchangeSeconds, journalBytes, journalSeconds, diskFree, diskNeeded,
    alarms,
  ]
}
