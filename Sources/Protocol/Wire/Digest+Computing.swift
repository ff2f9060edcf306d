package import Bytes
package import Records

extension Digest {
  /// BLAKE2b-256 of the bytes.
  package init(of bytes: [UInt8]) { self.init(bytes: DigestBuilder.digest(of: bytes)) }

  /// BLAKE2b-256 of the values' little-endian bytes.
  package init(of values: [Float]) { self.init(bytes: DigestBuilder.digest(of: values)) }

  /// Of everything the builder was given.
  package init(_ builder: consuming DigestBuilder) { self.init(bytes: builder.finish()) }
}
