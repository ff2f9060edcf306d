/// The lines of a text in UTF-8, without what ends them: a line feed, a carriage return or both, a
/// vertical tab, a form feed, or one of Unicode's three line separators. A mark of byte order at the
/// beginning is no part of the first line.
///
/// Lines are cut before anything is decoded, so that a long list costs a pass over its bytes.
struct PromptLines: Sequence, IteratorProtocol {
  private let text: [UInt8]
  private var start: Int
  private var isOver = false

  init(_ text: [UInt8]) {
    self.text = text
    start = text.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
  }

  mutating func next() -> ArraySlice<UInt8>? {
    if isOver { return nil }
    for index in start..<text.count {
      let length = separatorLength(at: index)
      if length > 0 {
        defer { start = index + length }
        return text[start..<index]
      }
    }
    isOver = true
    return text[start...]
  }

  /// 0 where no separator begins.
  private func separatorLength(at index: Int) -> Int {
    func follows(_ bytes: [UInt8]) -> Bool { text[(index + 1)...].starts(with: bytes) }
    switch text[index] {
    case 0x0a, 0x0b, 0x0c: return 1
    case 0x0d: return follows([0x0a]) ? 2 : 1
    // U+0085, U+2028 and U+2029.
    case 0xc2: return follows([0x85]) ? 2 : 0
    case 0xe2: return follows([0x80, 0xa8]) || follows([0x80, 0xa9]) ? 3 : 0
    default: return 0
    }
  }
}
