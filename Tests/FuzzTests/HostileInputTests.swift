import Testing

/// What decoders do with bytes that nobody should send; one at a time, because some share a folder.
@Suite(.serialized) enum HostileInputTests {}
