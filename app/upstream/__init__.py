"""To whom we speak: the endpoint's address, the credential that only the server holds, the dial.

May import: wire, protocol, upkeep. `upstream.endpoint` is PURE.
"""
