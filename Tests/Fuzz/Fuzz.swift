import FuzzTargets
import Glibc

// The entrance of libFuzzer, which brings `main`. TRIBUTARY_FUZZ_TARGET says what is fuzzed; the
// build has this only where TRIBUTARY_FUZZ is set. See scripts/safety/fuzz.

private let target: FuzzTarget = {
  let name = getenv("TRIBUTARY_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  if name == "list" {
    for target in FuzzTarget.all { print(target.name, target.byteLimit) }
    fflush(nil)
    exit(0)
  }
  guard let target = FuzzTarget.named(name) else {
    print("TRIBUTARY_FUZZ_TARGET is \(name); one of: \(FuzzTarget.all.map(\.name))")
    exit(64)
  }
  return target
}()

/// Called by libFuzzer with each input; ends the process where a law is broken.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  do {
    try target.check(bytes)
  } catch {
    print("\(target.name): \(error)")
    fflush(nil)
    abort()
  }
  return 0
}
