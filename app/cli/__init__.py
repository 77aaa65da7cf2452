"""The commands of `realtime-relay`, one module each; `app.__main__` only names them.

May import: anything. What they print is read by people: no traceback, no jargon without its fix.
"""
