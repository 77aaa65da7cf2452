"""What may be said: frozen rules for each event and each field, and the views a client gets. PURE.

May import: protocol, msgspec. Every verdict names its rule. Nothing here reads a clock, a file
or the environment.
"""
