"""The hand-written half of the contract, without I/O: failures, operations, limits, session rules."""
