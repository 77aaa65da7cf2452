"""What the clip pack holds beyond the brain's fixed sentences: single words, letters, signs."""

from __future__ import annotations

from app.simulator.voice.numbers import WORDS as NUMBER_WORDS

LETTERS = "abcdefghijklmnopqrstuvwxyz"

SIGNS = {
    "%": "percent",
    "&": "and",
    "+": "plus",
    "@": "at",
    "=": "equals",
    "°": "degrees",
    "$": "dollars",
    "€": "euros",
}
"""Signs that are read out, and the word for each."""

_FREQUENT = """
a about after again all am an and any apple are as at audio be because been before but by call can
client cold come could day did do does don't down each every find first for four friend from get
give go good great had has have he hear hello her here him his hot how i i'm if in into is it it's
just know last left less let like little long look make many may me message more morning much my
name need new next night no not now number of on only open or other our out over people please
question rain read relay right room said same say see server session she should so some speak speech
stop sun take talk test text than thank thanks that the their them then there these they thing think
this time to today together too turn two up us use user very voice wait want warm was way we weather
well were what when where which who why will wind with word words work world would write wrote yes
you your
"""

WORDS: tuple[str, ...] = tuple(dict.fromkeys([*_FREQUENT.split(), *NUMBER_WORDS, *SIGNS.values()]))
"""Every word that has a recording of its own."""
