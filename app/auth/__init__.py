"""Who the client is: principals, credentials in the handshake, tickets, origins.

May import: policy, store, protocol. `auth.principal` is PURE (protocol only).
"""
