"""Who the client is: principals, credentials in the handshake, tickets, origins.

May import: policy, store, protocol, upkeep. `auth.principal` is PURE (protocol only).
"""
