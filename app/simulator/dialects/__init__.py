"""How each dialect says what a conversation does, and how strictly it reads. PURE.

    spelling    what both have to say: the interface that the conversation knows
    preview     api-version, flat session, `conversation.item.created`, `response.audio.*`
    ga          no version, nested session, `conversation.item.added` and `.done`,
                `response.output_audio.*`
    ga_session  the nested session object of GA, read strictly

`preview` and `ga` have the same members in the same order: read them side by side.
"""

from app.protocol.names import Dialect
from app.simulator.dialects.ga import GA, Ga
from app.simulator.dialects.preview import PREVIEW, Preview
from app.simulator.dialects.spelling import Shown, Spelling

SPELLINGS: dict[Dialect, Spelling] = {Dialect.PREVIEW: PREVIEW, Dialect.GA: GA}

__all__ = ["GA", "PREVIEW", "SPELLINGS", "Ga", "Preview", "Shown", "Spelling"]
