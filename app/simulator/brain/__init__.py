"""What the embedded upstream answers: a script, no model, the same answer every time.

Typed text meets a small table of rules, and text that none of them knows is read back, so every
conversation hears its own words. Spoken audio is played back ("You said:"), because nothing here
understands speech. May import: the standard library and the simulator's voice.
"""

from app.simulator.brain.answers import answer
from app.simulator.brain.heard import transcribe
from app.simulator.brain.script import FIXED_SENTENCES
from app.simulator.brain.turns import Call, Line, Reply, Say, Turn

__all__ = ["FIXED_SENTENCES", "Call", "Line", "Reply", "Say", "Turn", "answer", "transcribe"]
