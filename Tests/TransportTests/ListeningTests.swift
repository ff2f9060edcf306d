import Glibc
import Testing
import Transport

struct ListeningTests {
  @Test(arguments: [
    ("tcp://localhost:*", "tcp://127.0.0.1:*"), ("tcp://lo:0", "tcp://127.0.0.1:*"),
    ("tcp://127.0.0.1:*", "tcp://127.0.0.1:*"), ("tcp://*:*", "tcp://*:*"),
    ("ipc://@tributary-listening", "ipc://@tributary-listening"),
  ]) func `a name becomes an address of this machine`(asked: String, bound: String) throws {
    let address = try #require(EndpointAddress(asked))
    #expect(try address.forListening().description == bound)
  }

  @Test func `an address of this machine's own name is local where it is a loopback address`()
    throws
  {
    let name = try #require(EndpointAddress("tcp://localhost:*"))
    #expect(try name.forListening().isLocal)
    #expect(try #require(EndpointAddress("tcp://lo:*")).forListening().isLocal)
  }

  @Test(arguments: [
    ("tcp://no-such-name.invalid:5", "neither an address nor an interface of this machine"),
    ("tcp://192.0.2.1:5", "192.0.2.1 is no address of this machine"),
    ("tcp://[2001:db8::1]:5", "2001:db8::1 is no address of this machine"),
    ("ipc:///dev/null", "/dev/null exists and is not a socket"),
  ]) func `what cannot be listened at is said`(asked: String, words: String) throws {
    let address = try #require(EndpointAddress(asked))
    #expect {
      try address.forListening()
    } throws: {
      "\($0)".contains(words)
    }
  }

  @Test func `a port that is taken is said, and a free one stays free`() throws {
    let context = try Context()
    let socket = try Socket(.router, in: context)
    let bound = try #require(EndpointAddress(try socket.bind("tcp://127.0.0.1:*")))
    #expect {
      try bound.forListening()
    } throws: {
      "\($0)".contains("somebody listens at port")
    }
    guard case .tcp(_, let port?) = bound.transport else { return }
    #expect(throws: ListeningError.self) {
      try EndpointAddress("tcp://localhost:\(port)")?.forListening()
    }
  }
}
