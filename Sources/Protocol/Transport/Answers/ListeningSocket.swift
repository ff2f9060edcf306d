package import Bytes
import CSystem
import Glibc

/// Where the responder is asked; it listens as long as the object lives.
package protocol ListeningSocket: AnyObject, Sendable {
  var descriptor: CInt { get }
}

/// One that others can reach by the network.
package final class NetworkSocket: ListeningSocket {
  private let listener: PublicListener

  package var descriptor: CInt { listener.descriptor }
  /// With the port that was given to it, such as `tcp://127.0.0.1:9464`.
  package var endpoint: String { listener.endpoint }

  package init(at address: EndpointAddress) throws(FileError) {
    listener = try PublicListener(at: address, backlog: 16)
  }
}
