import CProcess
@preconcurrency import Glibc

extension ChildProcess {
  /// What a child's descriptors become, and this process's ends of the pipes among them.
  struct Streams {
    /// One for each descriptor of the child, empty where it has no pipe.
    let ends: [PipeEnd]
    /// As `CProcess_start` wants them.
    private let sources: [CInt]
    /// The child's ends and copies, which this process has no use for after the start.
    private let childEnds: [PipeEnd]

    init(_ streams: [ChildProcess.Stream]) throws(StartFailure.Code) {
      var (ends, sources, childEnds): ([PipeEnd], [CInt], [PipeEnd]) = ([], [], [])
      for (number, stream) in streams.enumerated() {
        var (end, source) = (PipeEnd(-1), CPROCESS_NULL)
        switch stream {
        case .null: break
        case .inherited: source = CPROCESS_INHERITED
        case .descriptor(let descriptor): source = descriptor
        case .pipe:
          let pipe = try PipeEnd.pair()
          let isInput = number == 0
          end = isInput ? pipe.writing : pipe.reading
          childEnds.append(isInput ? pipe.reading : pipe.writing)
          source = childEnds[childEnds.count - 1].descriptor
        }
        // Where the child's own will stand it would be overwritten.
        if (0..<CInt(streams.count)).contains(source) {
          let copy = fcntl(source, F_DUPFD_CLOEXEC, CInt(streams.count))
          guard copy >= 0 else { throw StartFailure.Code(number: errno) }
          childEnds.append(PipeEnd(copy))
          source = copy
        }
        ends.append(end)
        sources.append(source)
      }
      (self.ends, self.sources, self.childEnds) = (ends, sources, childEnds)
    }

    /// Starts a program with them.
    ///
    /// - Parameters:
    ///   - words: its path, and its arguments.
    ///   - variables: beside those of this process, or instead of them.
    func start(_ words: [String], adding variables: [String: String], in folder: String?)
      throws(StartFailure.Code) -> pid_t
    {
      let texts = (words + variables.map { "\($0)=\($1)" }).map { strdup($0) }
      defer { for text in texts { free(text) } }
      let arguments = Array(texts.prefix(words.count)) + [nil]
      let added = Array(texts.dropFirst(words.count))
      let environment = added + Self.own(without: variables) + [nil]
      var id: pid_t = 0
      let code = withExtendedLifetime(childEnds) {
        CProcess_start(
          &id, words[0], arguments, environment, folder, sources, CInt(sources.count))
      }
      guard code == 0 else { throw StartFailure.Code(number: code) }
      return id
    }

    /// This process's variables as they are, but for those of the same names.
    private static func own(without others: [String: String]) -> [UnsafeMutablePointer<CChar>?] {
      var own: [UnsafeMutablePointer<CChar>?] = []
      var place = environ
      while let variable = place.pointee {
        let name = String(cString: variable).prefix { $0 != "=" }
        if others[String(name)] == nil { own.append(variable) }
        place += 1
      }
      return own
    }
  }
}
