import Records

/// What is known of each unit: one entry, from its first lease or result until nobody asks for it
/// any more.
struct UnitLedger: Sendable {
  typealias SessionID = LeaseTable.SessionID
  typealias Party = LeaseTable.Party
  typealias Time = LeaseTable.Time

  struct Lease {
    var session: SessionID
    var party: Party
    var process: LeaseTable.ActorProcess
    var granted: Time
    var deadline: Time
    /// Nobody waits for it alone any more.
    var isLate = false
  }

  /// How far a unit is.
  enum Stage {
    /// Nothing that counts has come: it is free, leased or being checked. Of an audited one some results may
    /// be here, on which nobody agrees yet.
    case open(Ballot)
    /// On its way to the journal.
    case arrived(Digest)
    /// In the journal, and synced.
    case durable(Digest)
    /// An update has used it; late results are compared with it.
    case used(Digest)
  }

  struct Entry {
    fileprivate(set) var stage = Stage.open(Ballot())
    fileprivate(set) var leases: [Lease] = []
    /// Every party that had a lease of it in this life.
    fileprivate(set) var holders: Set<Party> = []
    /// Leases so far.
    fileprivate(set) var attempts: UInt32 = 0
    /// The version of its first lease, which all its leases keep.
    fileprivate(set) var version: PolicyVersion?
    /// Results whose worth is being found out.
    fileprivate(set) var checks = 0
    /// The newest version when something invalid came for it.
    fileprivate(set) var foundInvalid: PolicyVersion?

    /// Whether its first result is here.
    var isKnown: Bool { digest != nil }

    /// The digest of the result that counts.
    var digest: Digest? {
      switch stage {
      case .open: nil
      case .arrived(let digest), .durable(let digest), .used(let digest): digest
      }
    }

    /// Whether the journal has it.
    var isDurable: Bool {
      switch stage {
      case .open, .arrived: false
      case .durable, .used: true
      }
    }

    var ballot: Ballot {
      if case .open(let ballot) = stage { ballot } else { Ballot() }
    }

    func lease(of session: SessionID) -> Lease? { leases.first { $0.session == session } }

    fileprivate var saysNothing: Bool {
      !isKnown && ballot.isEmpty && leases.isEmpty && holders.isEmpty && attempts == 0
        && version == nil && checks == 0 && foundInvalid == nil
    }
  }

  private var entries: [UnitID: Entry] = [:]
  /// The units that have leases: what is left of them is looked through for every grant.
  private(set) var leased: Set<UnitID> = []
  /// The oldest unit that no update has used.
  private var first: UInt64
  /// The oldest unit whose result is remembered.
  private var oldest: UInt64

  /// - Parameter first: the oldest unit that no update has used.
  init(from first: UInt64) {
    self.first = first
    oldest = first
  }

  /// How many units are known of.
  var count: Int { entries.count }

  subscript(_ unit: UnitID) -> Entry { entries[unit] ?? Entry() }

  private mutating func change(_ unit: UnitID, _ body: (inout Entry) -> Void) {
    body(&entries[unit, default: Entry()])
    guard let entry = entries[unit] else { return }
    if entry.leases.isEmpty { leased.remove(unit) } else { leased.insert(unit) }
    if entry.saysNothing { entries[unit] = nil }
  }

  // MARK: Leases

  /// Another lease of the unit, with the version of its first one.
  ///
  /// - Returns: which lease of the unit it is, and its version.
  mutating func grant(
    _ unit: UnitID, _ lease: Lease, firstVersion: PolicyVersion
  ) -> (attempt: UInt32, version: PolicyVersion) {
    let entry = self[unit]
    let version = entry.version ?? firstVersion
    let attempt = entry.attempts + 1
    change(unit) {
      $0.version = version
      $0.attempts = attempt
    }
    hold(unit, lease)
    return (attempt, version)
  }

  /// A lease that an earlier life granted, or this one just now.
  mutating func hold(_ unit: UnitID, _ lease: Lease) {
    change(unit) {
      $0.leases.append(lease)
      $0.holders.insert(lease.party)
    }
  }

  mutating func renew(_ unit: UnitID, of session: SessionID, until deadline: Time) {
    change(unit) {
      guard let place = $0.leases.firstIndex(where: { $0.session == session }) else { return }
      $0.leases[place].deadline = deadline
    }
  }

  /// A lease counts as granted now.
  mutating func beginsAgain(
    _ unit: UnitID, of session: SessionID, now: Time, until deadline: Time
  ) {
    change(unit) {
      guard let place = $0.leases.firstIndex(where: { $0.session == session }) else { return }
      $0.leases[place].granted = now
      $0.leases[place].deadline = deadline
    }
  }

  mutating func becomesLate(_ unit: UnitID, of session: SessionID) {
    change(unit) {
      guard let place = $0.leases.firstIndex(where: { $0.session == session }) else { return }
      $0.leases[place].isLate = true
    }
  }

  mutating func end(_ unit: UnitID, of session: SessionID) {
    guard leased.contains(unit) else { return }
    change(unit) { $0.leases.removeAll { $0.session == session } }
  }

  // MARK: Results

  mutating func beginsCheck(of unit: UnitID) { change(unit) { $0.checks += 1 } }

  /// - Parameter foundInvalid: the newest version, if the result was invalid.
  mutating func endsCheck(of unit: UnitID, foundInvalid: PolicyVersion?) {
    guard entries[unit] != nil else { return }
    change(unit) {
      $0.checks = max(0, $0.checks - 1)
      if let foundInvalid { $0.foundInvalid = foundInvalid }
    }
  }

  mutating func cast(_ unit: UnitID, _ digest: Digest, by party: Party) {
    change(unit) {
      guard case .open(var ballot) = $0.stage else { return }
      ballot.cast(digest, by: party)
      $0.stage = .open(ballot)
    }
  }

  mutating func arrived(_ unit: UnitID, _ digest: Digest) {
    change(unit) { $0.stage = .arrived(digest) }
  }

  mutating func durable(_ unit: UnitID, _ digest: Digest) {
    change(unit) {
      if case .used = $0.stage { return }
      $0.stage = .durable(digest)
    }
  }

  /// It is as if nobody had been asked for it; only its version and the number of its leases stay.
  mutating func voided(_ unit: UnitID) {
    change(unit) {
      $0.stage = .open(Ballot())
      $0.leases = []
      $0.holders = []
    }
  }

  /// Nobody asks for the unit any more.
  mutating func forget(_ unit: UnitID) {
    entries[unit] = nil
    leased.remove(unit)
  }

  /// Updates have used the units before this one; of those, so many are remembered.
  mutating func use(before first: UInt64, remembering kept: UInt64) {
    for unit in self.first..<max(self.first, first) where entries[UnitID(unit)] != nil {
      change(UnitID(unit)) {
        switch $0.stage {
        case .open: $0.stage = .open(Ballot())
        case .durable(let digest): $0.stage = .used(digest)
        case .arrived, .used: break
        }
        $0.attempts = 0
        $0.version = nil
        $0.foundInvalid = nil
      }
    }
    self.first = max(self.first, first)
    let oldest = max(oldest, first > kept ? first - kept : 0)
    for unit in self.oldest..<oldest {
      entries[UnitID(unit)] = nil
      leased.remove(UnitID(unit))
    }
    self.oldest = oldest
  }
}
