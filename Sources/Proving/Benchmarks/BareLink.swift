import CZeroMQ
import Foundation

/// A DEALER and a ROUTER with plain libzmq calls and nothing else: what a transport can do here.
///
/// Each unit is one part, sent without a copy and read where libzmq put it, and is answered with eight
/// bytes. Contexts, high-water marks and TCP loopback are those of ``OwnLink``.
final class BareLink: Link {
  /// CURVE keys as libzmq takes them: 40 characters of Z85 each.
  private struct Keys {
    var publicKey = [CChar](repeating: 0, count: 41)
    var secret = [CChar](repeating: 0, count: 41)

    init() { zmq_curve_keypair(&publicKey, &secret) }
  }

  private nonisolated(unsafe) let contexts: [UnsafeMutableRawPointer]
  private nonisolated(unsafe) let router: UnsafeMutableRawPointer
  private nonisolated(unsafe) let dealer: UnsafeMutableRawPointer

  init(isEncrypted: Bool) throws {
    contexts = [zmq_ctx_new(), zmq_ctx_new()]
    router = zmq_socket(contexts[0], ZMQ_ROUTER)
    dealer = zmq_socket(contexts[1], ZMQ_DEALER)
    for socket in [router, dealer] {
      for (option, value) in [
        (ZMQ_SNDHWM, CInt(64)), (ZMQ_RCVHWM, 64), (ZMQ_LINGER, 0),
        // Milliseconds after which the other end is given up.
        (ZMQ_SNDTIMEO, 60_000), (ZMQ_RCVTIMEO, 60_000),
      ] {
        var value = value
        zmq_setsockopt(socket, option, &value, MemoryLayout<CInt>.size)
      }
    }
    // As ours: without it a router drops answers that it has no room for.
    var yes: CInt = 1
    zmq_setsockopt(router, ZMQ_ROUTER_MANDATORY, &yes, MemoryLayout<CInt>.size)
    if isEncrypted {
      let (server, client) = (Keys(), Keys())
      zmq_setsockopt(router, ZMQ_CURVE_SERVER, &yes, MemoryLayout<CInt>.size)
      zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, server.secret, 41)
      zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, server.publicKey, 41)
      zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, client.publicKey, 41)
      zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, client.secret, 41)
    }
    guard zmq_bind(router, "tcp://127.0.0.1:*") == 0 else { throw LinkFailure.last("zmq_bind") }
    var endpoint = [CChar](repeating: 0, count: 256)
    var count = endpoint.count
    zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, &endpoint, &count)
    guard zmq_connect(dealer, endpoint) == 0 else { throw LinkFailure.last("zmq_connect") }
  }

  deinit {
    zmq_close(dealer)
    zmq_close(router)
    for context in contexts { zmq_ctx_term(context) }
  }

  func seconds(for count: Int, of payloads: [[UInt8]], window: Int) throws -> Double {
    let receiver = try Worker { [self] in try receive(count) }
    let clock = ContinuousClock()
    let start = clock.now
    var (sent, answered) = (0, 0)
    var answer = 0
    while answered < count {
      while sent < count, sent - answered < window {
        // The payloads outlive the last answer, and libzmq never writes to what it sends.
        try payloads[sent % payloads.count].withUnsafeBytes { bytes in
          var message = zmq_msg_t()
          let data = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
          zmq_msg_init_data(&message, data, bytes.count, nil, nil)
          guard zmq_msg_send(&message, dealer, 0) >= 0 else {
            throw LinkFailure.last("zmq_msg_send")
          }
        }
        sent += 1
      }
      guard zmq_recv(dealer, &answer, 8, 0) == 8 else { throw LinkFailure.last("zmq_recv") }
      answered += 1
    }
    try receiver.join()
    return start.duration(to: clock.now).inSeconds
  }

  private func receive(_ count: Int) throws {
    var message = zmq_msg_t()
    var route = [UInt8](repeating: 0, count: 256)
    for index in 0..<count {
      let length = zmq_recv(router, &route, route.count, 0)
      guard length > 0 else { throw LinkFailure.last("zmq_recv") }
      zmq_msg_init(&message)
      guard zmq_msg_recv(&message, router, 0) >= 0 else { throw LinkFailure.last("zmq_msg_recv") }
      zmq_msg_close(&message)
      var answer = index
      zmq_send(router, route, Int(length), ZMQ_SNDMORE)
      guard zmq_send(router, &answer, 8, 0) == 8 else { throw LinkFailure.last("zmq_send") }
    }
  }
}
