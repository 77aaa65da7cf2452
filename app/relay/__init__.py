"""Moves frames between the client's wire and the upstream leg, and obeys the gate.

May import: wire, upstream, session, policy, auth.principal, store, telemetry, protocol.
All tasks of the process are made in `relay.tasks`.
"""
