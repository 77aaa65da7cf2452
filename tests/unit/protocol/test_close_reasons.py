"""The table of endings holds what its checks promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.protocol import close_reasons
from app.protocol.close_reasons import ENDINGS, CloseReason, close_text


@pytest.mark.parametrize("reason", list(CloseReason))
def test_every_reason_fits_into_a_close_frame(reason: CloseReason) -> None:
    assert len(close_text(reason, minutes=30).encode()) <= 123
    assert ENDINGS[reason].close_code not in (1005, 1006, 1015)


def test_the_time_limit_names_its_minutes() -> None:
    text = close_text(CloseReason.SESSION_TIME_LIMIT, minutes=30)
    assert text == "Your session hit the maximum duration of 30 minutes."


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
