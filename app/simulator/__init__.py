"""The embedded upstream: a real WebSocket server that speaks the Realtime protocol, no account.

May import: `protocol.names` only. It carries its own templates, taken from Microsoft's
documentation: if it shared the relay's code, an error there would be invisible on both sides.
"""
