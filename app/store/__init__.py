"""What replicas share, behind one small interface: tickets and leases (in memory today).

May import: protocol.
"""
