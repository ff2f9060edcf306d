import Bytes
import Glibc
import Programs

/// This process's end of the socket to a model's program: one message out, one in, each with a limit for
/// its time and its length.
struct ModelSocket {
  private let program: RunningProgram
  private let end: PipeEnd

  /// Seconds of one wait, after which the caller hears that the wait goes on.
  private static let tick = 0.25

  init(_ program: RunningProgram, _ end: PipeEnd) { (self.program, self.end) = (program, end) }

  /// Sends a message and waits for one.
  ///
  /// - Parameters:
  ///   - seconds: until the answer must be whole.
  ///   - waiting: called again and again meanwhile; what it throws ends the wait.
  /// - Returns: the header and what stands behind it.
  func exchange(
    header: [UInt8], inline: [UInt8], within seconds: Double, waiting: () throws(Fault) -> Void
  ) throws(Fault) -> (header: [UInt8], inline: [UInt8]) {
    let length = UInt32(header.count).littleEndian
    var unsent = (withUnsafeBytes(of: length) { Array($0) } + header + inline)[...]
    var heard: [UInt8] = []
    if try read(&heard) == .ended { throw program.ended(closing: "socket") }
    guard heard.isEmpty else {
      throw Fault(.garbage, "it sent something without being asked")
    }
    let deadline = ContinuousClock.now + .seconds(seconds)
    var needed = 4
    var headerLength = 0
    while true {
      let left = (deadline - ContinuousClock.now) / .seconds(1)
      guard left > 0 else { throw Fault(.slow, "no answer within \(Int(seconds.rounded(.up))) s") }
      let events = Int16(POLLIN) | (unsent.isEmpty ? 0 : Int16(POLLOUT))
      program.wait(
        for: [pollfd(fd: end.descriptor, events: events, revents: 0)], atMost: min(left, Self.tick))
      try waiting()
      let state = try read(&heard)
      while heard.count >= needed {
        if headerLength == 0 {
          headerLength = heard[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
          guard (1...ModelQuestion.headerLimit).contains(headerLength) else {
            throw Fault(
              .oversize,
              "its answer's header has \(headerLength) bytes, 1 to \(ModelQuestion.headerLimit) are"
                + " allowed")
          }
          needed = 4 + headerLength
        } else if needed == 4 + headerLength {
          let behind = try ModelAnswer(decoding: Array(heard[4..<needed])).inline ?? 0
          needed += behind
          if behind == 0 || heard.count >= needed {
            return try whole(heard, headerLength, needed)
          }
        } else {
          return try whole(heard, headerLength, needed)
        }
      }
      if state == .ended { throw program.ended(closing: "socket") }
      if try !RunningProgram.write(&unsent, to: end.descriptor) {
        throw program.ended(closing: "socket")
      }
    }
  }

  private func whole(_ heard: [UInt8], _ headerLength: Int, _ count: Int) throws(Fault) -> (
    header: [UInt8], inline: [UInt8]
  ) {
    guard heard.count == count else {
      throw Fault(.garbage, "it sent more than one answer")
    }
    return (Array(heard[4..<4 + headerLength]), Array(heard[(4 + headerLength)...]))
  }

  private func read(_ bytes: inout [UInt8]) throws(Fault) -> RunningProgram.Reading {
    try RunningProgram.read(
      end.descriptor, into: &bytes,
      limit: 4 + ModelQuestion.headerLimit + ModelQuestion.inlineLimit)
  }
}
