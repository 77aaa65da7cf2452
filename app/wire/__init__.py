"""WebSocket bytes: one small interface for the client's side and the upstream side.

May import: protocol. A wire knows frames, back-pressure and endings; it knows nothing of events.
"""
