"""The door: WebSocket routes, tickets, health, the demo page.

May import: auth, relay, wire, store, telemetry, session, policy, protocol.
"""
