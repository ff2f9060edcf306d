import Synchronization

/// The list of allowed keys in a file, as it is whenever somebody asks.
///
/// The file is read each time, so that a change counts at once whatever clocks and disks make of it; as long as its
/// bytes are the same, they are not parsed again.
package final class AllowedList: Sendable {
  package let path: String
  private let known = Mutex<(bytes: [UInt8], list: Result<AllowedKeys, KeyError>)?>(nil)

  package init(_ path: String) { self.path = path }

  package func read() throws(KeyError) -> AllowedKeys {
    let bytes = try SmallFile.read(path, limit: AllowedKeys.byteLimit, isSecret: false)
    let list = known.withLock { known in
      if let known, known.bytes == bytes { return known.list }
      let list = Result { () throws(KeyError) in try AllowedKeys(text: bytes, path: path) }
      known = (bytes, list)
      return list
    }
    return try list.get()
  }
}
