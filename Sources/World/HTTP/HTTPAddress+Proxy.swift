import Glibc

extension HTTPAddress {
  /// Which variable of the environment names a proxy for it, as libcurl reads them; nil for none.
  package var proxyVariable: String? {
    if isLoopback { return nil }
    func value(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    let exempt = (value("no_proxy") ?? value("NO_PROXY") ?? "").split { $0 == "," || $0 == " " }
    let name = bareHost.lowercased()
    let isExempt = exempt.contains { entry in
      let entry = entry.lowercased().drop { $0 == "." }
      return entry == "*" || name == entry || name.hasSuffix(".\(entry)")
    }
    if isExempt { return nil }
    // HTTP_PROXY in capitals is what a web server sets from a header, and is not heeded.
    let names =
      scheme == "https" ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]
    return (names + ["all_proxy", "ALL_PROXY"]).first { value($0) != nil }
  }

  /// Words for a failure that may be a proxy's.
  package var proxyNote: String {
    proxyVariable.map { " (it is asked through the proxy in \($0); no_proxy exempts a host)" } ?? ""
  }
}
