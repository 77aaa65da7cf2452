"""Numbers as English words, as a person would read them out."""

from __future__ import annotations

import re

SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES = ("thousand", "million", "billion")
WORDS: tuple[str, ...] = (*SMALL, *TENS, "hundred", *SCALES, "point")
"""Every word that `number_words` uses."""

PATTERN = r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?"
"""What counts as one number in a text."""
_MOST_DIGITS = 12


def number_words(number: str) -> list[str]:
    """The words for a match of `PATTERN`. Leading zeros and very long numbers go by digits."""
    whole, _, fraction = number.replace(",", "").partition(".")
    if len(whole) > _MOST_DIGITS or re.match("0[0-9]", whole):
        words = [SMALL[int(digit)] for digit in whole]
    else:
        words = _whole(int(whole))
    if fraction:
        words += ["point", *(SMALL[int(digit)] for digit in fraction)]
    return words


def _whole(value: int) -> list[str]:
    if value < 1000:
        return _below_thousand(value)
    words: list[str] = []
    groups = []
    while value:
        value, group = divmod(value, 1000)
        groups.append(group)
    for power, group in reversed(list(enumerate(groups))):
        if group:
            words += _below_thousand(group)
            if power:
                words.append(SCALES[power - 1])
    return words


def _below_thousand(value: int) -> list[str]:
    hundreds, rest = divmod(value, 100)
    words = [SMALL[hundreds], "hundred"] if hundreds else []
    if rest < len(SMALL):
        return words + ([SMALL[rest]] if rest or not hundreds else [])
    tens, ones = divmod(rest, 10)
    return [*words, TENS[tens - 2], *([SMALL[ones]] if ones else [])]
