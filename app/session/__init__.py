"""The pure judge of one conversation: inputs in, commands out. PURE.

May import: policy, protocol, auth.principal, msgspec. `now` (monotonic seconds) is an argument;
the gate never awaits, logs, or raises for a peer's fault.
"""
