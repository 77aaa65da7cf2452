"""The operator's own listener: what is live, revocation, drain. Never a route of the public one.

May import: auth, relay, wire, store, telemetry, session, policy, protocol.
"""
