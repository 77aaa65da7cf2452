"""The two spellings of the protocol: tables, and what lies between them. PURE.

tables      which wire type means which kind of server event
values      formats, modalities, turn detection: how one value is written
voices      the voices that a dialect knows
usage       what one dialect counts and the other demands
translator  one server event as the events of the client's dialect
unsaid      what upstream's dialect cannot say of a client's event
sniffing    which dialect a client's session shows

Objects are respelled in `session_object` and `item_object`, frames in `client_frames` and
`server_frames`: the internal spelling stands between them, and it is GA's.
"""

from app.protocol.dialects.tables import KINDS as KINDS
from app.protocol.dialects.tables import WIRE_TYPES as WIRE_TYPES
from app.protocol.dialects.tables import kind_of as kind_of
from app.protocol.dialects.tables import wire_type as wire_type
