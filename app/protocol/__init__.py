"""What can be said: names, events, errors and close reasons of the Realtime protocol. PURE.

May import: the standard library (no clock, no socket, no logger, no randomness) and msgspec.
"""
