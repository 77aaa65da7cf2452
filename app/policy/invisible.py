"""Signs that nobody sees: a model would read them, and a person checking the text would not. PURE.

By category: controls, formats, surrogates, private and unassigned signs, line breaks. And by the
property Default_Ignorable_Code_Point: letters and marks too that are drawn as nothing, such as
Hangul fillers, and variation selectors, which can carry a hidden text.
"""

from __future__ import annotations

import unicodedata

UNFIT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories: control, format, surrogates, private, unassigned, line breaks."""

DEFAULT_IGNORABLE = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
"""Default_Ignorable_Code_Point in DerivedCoreProperties.txt of the Unicode Character Database
14.0: 4,174 code points, the first and the last of each range. Python's `unicodedata` does not know
the property."""


def invisible(sign: str) -> bool:
    """Whether this one character is to be left out of what others wrote."""
    code = ord(sign)
    ignorable = any(first <= code <= last for first, last in DEFAULT_IGNORABLE)
    return ignorable or unicodedata.category(sign) in UNFIT
