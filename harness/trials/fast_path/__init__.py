"""A stateful differential test of the SDK proxy's fast path: `machine` is the state machine, begin there."""
