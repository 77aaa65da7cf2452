"""No mask key comes twice in a row of many."""

from __future__ import annotations

from app.wire.mask_keys import KEY_BYTES, MaskKeys


def test_each_key_is_fresh() -> None:
    keys = MaskKeys()
    taken = [keys.next() for _ in range(3000)]
    assert {len(key) for key in taken} == {KEY_BYTES}
    assert len(set(taken)) > 2990  # four random bytes meet again by chance, seldom
