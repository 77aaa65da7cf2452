"""What replicas share, behind one small interface: tickets, leases, revocations. Memory or Redis.

May import: protocol.
"""
