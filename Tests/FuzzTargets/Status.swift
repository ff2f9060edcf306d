import Roles
import Transport

extension FuzzTarget {
  /// How a learner says that its run stands, as `tributary status` reads it.
  static let status = FuzzTarget("status", byteLimit: 4_096) { bytes in
    let read = try decode(bytes, within: .foreign) { bytes throws(RunStatus.Unreadable) in
      try RunStatus(decoding: bytes)
    }
    guard let read else { return }
    let again = try RunStatus(decoding: read.encoded())
    try require(try again.encoded() == read.encoded(), "a status is another after writing")
  }

  /// A question by HTTP: behind the first byte, which says where it is cut in two.
  static let question = FuzzTarget("question", byteLimit: 8_192) { bytes in
    guard let first = bytes.first else { return }
    let text = bytes.dropFirst()
    var (whole, cut) = (RequestHead(), RequestHead())
    let outcome = whole.add(text)
    let place = text.index(text.startIndex, offsetBy: min(Int(first), text.count))
    _ = cut.add(text[..<place])
    try require(cut.add(text[place...]) == outcome, "a question that is cut is another")
    if case .asks(let path, _) = outcome {
      try require(
        path.hasPrefix("/") && path.utf8.allSatisfy { (0x21..<0x7f).contains($0) },
        "a path is \(path)")
    }
  }

  /// An answer by HTTP.
  static let page = FuzzTarget("page", byteLimit: 8_192) { bytes in
    guard let read = HTTPAnswer(decoding: bytes) else { return }
    try require(
      // A head has a limit, too.
      read.contentType.utf8.count > 2_000 || HTTPAnswer(decoding: read.encoded()) == read,
      "an answer is another after writing")
  }
}
