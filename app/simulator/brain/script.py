"""The script for typed text: rules from the most to the least particular, then an echo.

Rules are narrow on purpose: a rule that fires on half a sentence would swallow the other half,
and whoever tries out fifty conversations wants to hear each one's own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from app.simulator.brain.turns import Line

HOW_CAN_I_HELP = "Hello! How can I help you today?"
HEARD = "Yes, I can hear you."
FINE = "I am fine, thank you."
WHO = (
    "I am the embedded upstream, not a model.",
    "I follow a small script, so that you can try the relay without an account.",
)
LIMIT = "A session lasts at most thirty minutes. You are warned before it ends."
HELP = (
    "Ask me to count, to tell a story, or to repeat your words.",
    "If you speak, you will hear your own voice.",
)
PARIS = "The capital of France is Paris."
NO_WEATHER = "I have no tool for the weather."
WELCOME = "You are welcome."
BYE = "Goodbye, and thank you."
NICE_TO_MEET = "Nice to meet you,"
YOUR_NAME_IS = "Your name is"
NO_NAME = "You have not told me your name."
ONLY_SILENCE = "I heard only silence."
YOU_SAID = "You said:"
YOU_WROTE = "You wrote:"
TOOL_ANSWERED = "The tool answered:"
AND_SO_ON = "And so on."
STORY = (
    "Once upon a time, a small relay lived between a browser and the sea.",
    "All day long it carried voices from one side to the other.",
    "Some were loud, some were quiet, and some came very late at night.",
    "It never let a secret pass, and it never lost a word.",
    "One evening a great storm came, and the line began to shake.",
    "The relay took a deep breath, and counted every frame.",
    "One by one they came across, each in its own place.",
    "In the morning the sun came out, and all was well.",
    "And the relay closed the door, softly, with the right code.",
)

FIXED_SENTENCES: tuple[str, ...] = (
    *(HOW_CAN_I_HELP, HEARD, FINE, *WHO, LIMIT, *HELP, PARIS, NO_WEATHER, WELCOME, BYE),
    *(NICE_TO_MEET, YOUR_NAME_IS, NO_NAME, ONLY_SILENCE, YOU_SAID, YOU_WROTE, TOOL_ANSWERED),
    *(AND_SO_ON, *STORY),
)
"""Everything that is always said in the same words: the clip pack holds these as phrases."""

_ECHO_CHARACTERS = 240
_COUNT_DEFAULT = 10
_COUNT_MOST = 30
_COUNT_WORDS = {"three": 3, "five": 5, "ten": 10, "twenty": 20, "thirty": 30}
_NAME = re.compile(
    r"\b(?:my name is|my name's|call me|i am called)\s+([^\W\d_][\w'’-]{0,39})", re.IGNORECASE
)
_REPEAT = re.compile(
    r"\s*(?:please\s+)?(?:repeat(?:\s+after\s+me)?|say)(?:\s*[:,]\s*|\s+)(\S.*)",
    re.IGNORECASE | re.DOTALL,
)


def reply_to(text: str, history: Sequence[Line] = ()) -> str:
    """The answer to typed text. Without a rule that knows it: "You wrote:" and the text."""
    plain = _plain(text)
    if repeated := _REPEAT.fullmatch(text):
        return shortened(repeated[1].strip().strip("\"'“”").strip() or repeated[1])
    if name := _NAME.search(text):
        return f"{NICE_TO_MEET} {name[1]}."
    if re.fullmatch(r"(?:do you (?:know|remember) |what is |what's )?my name|who am i", plain):
        return _known_name(history)
    for pattern, reply in _RULES:
        if pattern.fullmatch(plain):
            return reply(plain)
    return f"{YOU_WROTE} {shortened(text)}"


def shortened(text: str) -> str:
    """`text` on one line, cut after a word if it is long, and saying so if it was cut."""
    line = " ".join(text.split())
    if len(line) <= _ECHO_CHARACTERS:
        return line
    kept = line[:_ECHO_CHARACTERS].rsplit(" ", 1)[0]
    return f"{kept} ... {AND_SO_ON}"


def _plain(text: str) -> str:
    """Lower case, no punctuation but apostrophes, single spaces."""
    return " ".join(re.sub(r"[^\w'\s]", " ", text.lower().replace("’", "'")).split())


def _known_name(history: Sequence[Line]) -> str:
    for line in reversed(history):
        name = _NAME.search(line.text) if line.role == "user" else None
        if name:
            return f"{YOUR_NAME_IS} {name[1]}."
    return NO_NAME


def _count(plain: str) -> str:
    word = plain.rsplit(" ", 1)[-1]
    last = int(word[:4]) if word.isdecimal() else _COUNT_WORDS.get(word, _COUNT_DEFAULT)
    return ", ".join(str(n) for n in range(1, max(1, min(last, _COUNT_MOST)) + 1)) + "."


def _always(*sentences: str) -> Callable[[str], str]:
    return lambda _: " ".join(sentences)


_WHO_WORDS = (
    r"(?:what|who) (?:are|exactly are) you|are you (?:a |an )?(?:ai|model|real|human|robot)"
)
_RULES: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = tuple(
    (re.compile(pattern), reply)
    for pattern, reply in (
        (
            r"(?:hello|hi|hey|hallo|good (?:morning|afternoon|evening))(?: there| again| world)?",
            _always(HOW_CAN_I_HELP),
        ),
        (r"(?:(?:hello|hi|hey) )?(?:can|do) you hear me(?: now)?", _always(HEARD)),
        (r"(?:(?:hello|hi|hey) )?how are you(?: doing)?(?: today)?", _always(FINE)),
        (rf"(?:(?:hello|hi|hey) )?(?:so )?(?:{_WHO_WORDS})", _always(*WHO)),
        (
            r"(?:what is|what's|tell me|how long is)? ?(?:the )?(?:session |time )+limit"
            r"|how long (?:can|may|does|will) .{0,40}"
            r"(?:last|session|talk|take|conversation).{0,20}",
            _always(LIMIT),
        ),
        (
            r"(?:please )?help(?: me)?(?: please)?|what can (?:you do|i (?:say|ask|do))"
            r"(?: here)?",
            _always(*HELP),
        ),
        (
            r"(?:please |can you |could you |will you )*count(?: up)?"
            r"(?: (?:from (?:1|one) )?to \w{1,6})?",
            _count,
        ),
        (
            r"(?:please |can you |could you |will you |now )*(?:tell|read|give) (?:me |us )?"
            r"(?:a|another|the|your|some) (?:\w+ )?story(?: please)?|(?:a )?story(?: please)?",
            _always(*STORY),
        ),
        (
            r"(?:please )?(?:what is|what's|tell me|name)? ?the capital (?:city )?of france",
            _always(PARIS),
        ),
        (
            r"(?:what is|what's|how is|how's|tell me) (?:the )?weather.{0,60}",
            _always(NO_WEATHER),
        ),
        (
            r"(?:many |ok |okay |great )?(?:thanks|thank you)"
            r"(?: (?:so|very) much| a lot| again)?",
            _always(WELCOME),
        ),
        (r"(?:good ?bye|bye(?: bye)?|see you(?: later| soon)?|that is all)", _always(BYE)),
    )
)
