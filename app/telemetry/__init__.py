"""What we saw: logs (metrics and traces later). Never content, credentials or URLs with a query.

May import: protocol.
"""
