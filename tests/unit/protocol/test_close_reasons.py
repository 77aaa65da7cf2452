"""The table of endings holds what its checks promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.protocol import close_reasons
from app.protocol.close_reasons import ENDINGS, CloseReason, close_text


@pytest.mark.parametrize("reason", list(CloseReason))
def test_every_reason_fits_into_a_close_frame(reason: CloseReason) -> None:
    assert len(close_text(reason, seconds=1800).encode()) <= 123
    assert ENDINGS[reason].close_code not in (1005, 1006, 1015)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1800, "30 minutes"),
        (61, "61 seconds"),
        (60, "1 minute"),
        (1, "1 second"),
        (0.2, "1 second"),
        (90, "90 seconds"),
        (121, "3 minutes"),
    ],
)
def test_the_time_limit_is_said_as_a_person_would(seconds: float, said: str) -> None:
    text = close_text(CloseReason.SESSION_TIME_LIMIT, seconds=seconds)
    assert text == f"Your session hit the maximum duration of {said}."


@pytest.mark.parametrize("change", [{"close_code": 1006}, {"text": "é" * 62}])
def test_a_bad_row_stops_the_import(
    change: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = replace(ENDINGS[CloseReason.BINARY], **change)  # type: ignore[arg-type]
    monkeypatch.setitem(ENDINGS, CloseReason.BINARY, row)
    with pytest.raises(ValueError, match="binary"):
        close_reasons._check()


def test_a_missing_row_stops_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ENDINGS, CloseReason.BINARY)
    with pytest.raises(ValueError, match="without a row"):
        close_reasons._check()
