import CProcess
import Glibc

/// A file in memory that this process shares with a program: it only grows, and cannot be cut short by
/// the other side, so that what is mapped here is always there.
@safe
package final class MemoryFile: @unchecked Sendable {
  // `@unchecked`: one owner at a time.
  package let descriptor: CInt
  /// Bytes.
  package private(set) var size = 0
  private var base: UnsafeMutableRawPointer?

  package init() throws(FileError) {
    var file: CInt = -1
    let code = CProcess_memoryFile(&file)
    guard code == 0 else {
      throw FileError(operation: "make", path: "a file in memory", code: code)
    }
    descriptor = file
  }

  deinit {
    if let base { munmap(base, size) }
    close(descriptor)
  }

  /// Makes it at least so large.
  package func grow(to bytes: Int) throws(FileError) {
    guard bytes > size else { return }
    // In steps, so that it is not mapped anew for every longer message.
    let step = 1 << 20
    let wanted = (max(bytes, size + size / 4) + step - 1) / step * step
    guard ftruncate(descriptor, off_t(wanted)) == 0 else {
      throw FileError(operation: "grow", path: "a file in memory", code: errno)
    }
    guard let mapped = mmap(nil, wanted, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      mapped != MAP_FAILED
    else { throw FileError(operation: "map", path: "a file in memory", code: errno) }
    if let base { munmap(base, size) }
    base = mapped
    size = wanted
  }

  /// Copies bytes into it.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    precondition(offset >= 0 && offset + bytes.count <= size, "\(offset) is not in the file")
    guard let source = bytes.baseAddress, let base else { return }
    (base + offset).copyMemory(from: source, byteCount: bytes.count)
  }

  /// Fills a part of it with one byte.
  package func fill(_ byte: UInt8, count: Int, at offset: Int) {
    precondition(offset >= 0 && offset + count <= size, "\(offset) is not in the file")
    guard let base else { return }
    memset(base + offset, CInt(byte), count)
  }

  /// Copies bytes out of it.
  package func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) {
    precondition(offset >= 0 && offset + bytes.count <= size, "\(offset) is not in the file")
    guard let target = bytes.baseAddress, let base else { return }
    target.copyMemory(from: base + offset, byteCount: bytes.count)
  }
}
