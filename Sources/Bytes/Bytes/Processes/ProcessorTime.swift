import Glibc

/// Seconds that cores have worked for this process.
package enum ProcessorTime {
  /// Of all threads, ended ones too.
  package static var ofProcess: Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

  /// Of the thread that asks.
  package static var ofThread: Double { seconds(CLOCK_THREAD_CPUTIME_ID) }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    guard unsafe clock_gettime(clock, &time) == 0 else { return 0 }
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
