package import Bytes
import CSystem
import Glibc

/// A socket in a folder, for its owner alone; deleted with the object.
///
/// A socket's address holds 107 bytes of a path, and folders may lie deeper: the folder is opened, and the socket reached
/// through the name that the kernel gives an open file.
package final class ControlSocket: ListeningSocket {
  package let descriptor: CInt
  private let path: String
  private let place: (device: dev_t, inode: ino_t)

  /// Listens, in the place of the socket that a dead process left.
  ///
  /// - Throws: where the file system holds no sockets, or something else has the name.
  package init(_ name: String, in folder: String) throws(FileError) {
    let path = "\(folder)/\(name)"
    let directory = try FileDescriptor(opening: folder, O_RDONLY | O_DIRECTORY)
    let address = try Self.address(of: name, in: directory, path)
    var there = stat()
    if lstat(path, &there) == 0 {
      guard there.st_mode & S_IFMT == S_IFSOCK else {
        throw FileError(operation: "making the socket", path: path, code: EEXIST)
      }
      unlink(path)
    }
    let descriptor = try Self.open(path)
    // Before there is a name, so that at no moment anybody else may connect.
    guard fchmod(descriptor, 0o600) == 0,
      address.withPointer({ bind(descriptor, $0, $1) }) == 0, chmod(path, 0o600) == 0,
      listen(descriptor, 16) == 0, lstat(path, &there) == 0
    else {
      let error = FileError.last("making the socket", path)
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    self.path = path
    place = (there.st_dev, there.st_ino)
  }

  deinit {
    close(descriptor)
    // A learner that has begun since has its own there.
    var there = stat()
    if lstat(path, &there) == 0, there.st_dev == place.device, there.st_ino == place.inode {
      unlink(path)
    }
  }

  fileprivate static func open(_ path: String) throws(FileError) -> CInt {
    let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_UNIX, kind, 0)
    guard descriptor >= 0 else { throw .last("making a socket for", path) }
    return descriptor
  }

  fileprivate static func address(
    of name: String, in directory: borrowing FileDescriptor, _ path: String
  ) throws(FileError) -> LocalAddress {
    guard let address = LocalAddress("/proc/self/fd/\(directory.number)/\(name)") else {
      throw FileError(operation: "naming the socket", path: path, code: ENAMETOOLONG)
    }
    return address
  }
}

/// A question to whoever listens at a ``ControlSocket``.
package enum ControlQuestion {
  package enum Failure: Error, Equatable, Sendable {
    /// There is no socket, or nobody listens at it: they are gone, or on another machine.
    case nobody
    /// Somebody is there and did not answer in time.
    case silent
    /// What was answered is no page.
    case unreadable
    /// This user may not ask, or the system refuses.
    case refused(FileError)
  }

  /// Of an answer; a page about thousands of actors has a few megabytes.
  private static let byteLimit = 32 << 20

  /// Asks for a page, and waits for it at most so many seconds.
  package static func ask(
    _ page: String, at name: String, in folder: String, within seconds: Double
  ) throws(Failure) -> HTTPAnswer {
    let deadline = ContinuousClock.now + .seconds(seconds)
    let descriptor = try connected(name, folder, deadline)
    defer { close(descriptor) }
    var question = Array("GET \(page) HTTP/1.0\r\n\r\n".utf8)[...]
    while !question.isEmpty {
      try wait(descriptor, POLLOUT, deadline)
      let count = question.withUnsafeBytes {
        send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
      }
      if count < 0, errno != EAGAIN, errno != EINTR { throw .silent }
      question = question.dropFirst(max(0, count))
    }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      try wait(descriptor, POLLIN, deadline)
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count == 0 { break }
      if count < 0 {
        if errno == EAGAIN || errno == EINTR { continue }
        throw .silent
      }
      answer += buffer.prefix(count)
      if answer.count > byteLimit { throw .unreadable }
    }
    guard let page = HTTPAnswer(decoding: answer) else {
      // One that is killed, or cuts off whoever comes after too many, says nothing.
      throw answer.isEmpty ? .silent : .unreadable
    }
    return page
  }

  private static func connected(
    _ name: String, _ folder: String, _ deadline: ContinuousClock.Instant
  ) throws(Failure) -> CInt {
    let path = "\(folder)/\(name)"
    do throws(FileError) {
      let directory = try FileDescriptor(opening: folder, O_RDONLY | O_DIRECTORY)
      let address = try ControlSocket.address(of: name, in: directory, path)
      let descriptor = try ControlSocket.open(path)
      while true {
        if address.withPointer({ connect(descriptor, $0, $1) }) == 0 { return descriptor }
        // Its queue is full for a moment.
        guard errno == EAGAIN || errno == EINTR, ContinuousClock.now < deadline else { break }
        usleep(10_000)
      }
      let error = FileError.last("connecting to", path)
      close(descriptor)
      throw error
    } catch .refused(_, _, let code) where [ENOENT, ECONNREFUSED, ENOTSOCK].contains(code) {
      throw .nobody
    } catch .refused(_, _, let code) where code == EAGAIN {
      throw .silent
    } catch {
      throw .refused(error)
    }
  }

  private static func wait(
    _ descriptor: CInt, _ events: CInt, _ deadline: ContinuousClock.Instant
  ) throws(Failure) {
    let left = ContinuousClock.now.duration(to: deadline) / .milliseconds(1)
    guard left > 0 else { throw .silent }
    var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    if poll(&entry, 1, CInt(left.rounded(.up))) == 0 { throw .silent }
  }
}
