"""The fast lane: past the parser go most frames, and none that the parser would not take.

    bytes, where a frame begins
      |
      |   +---------------------------- lane ----------------------------+
      +-->| final, text, in one piece, whole, shortest length, UTF-8?    |--no--> the parser
          |   |                                                          |        (`wire.framing`,
          |   +-- begins as a delta, and names what the gate lets pass?  |        RFC 6455 in full),
          |         yes: written to the other side as it stands          |        one frame, and the
          |         no:  its message, unmasked, goes to the gate         |        lane again
          +--------------------------------------------------------------+

The lane decides nothing: a message that it cuts has the bytes that the parser would have cut, and a
run holds only frames that the gate would have passed untouched (`Gate.passing`). Switched off
(`RELAY_FAST_LANE=false`), all frames take the parser, with equal bytes and equal counters.

May import: nothing of ours. No I/O, no clock.
"""
