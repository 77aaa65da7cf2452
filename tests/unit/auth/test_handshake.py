"""Where credentials may stand, and what subprotocol is selected."""

from __future__ import annotations

import pytest

from app.auth.denied import Denied
from app.auth.handshake import (
    Credential,
    Place,
    Selection,
    find_credential,
    select_subprotocol,
)
from app.protocol.close_reasons import CloseReason

KEY = "openai-insecure-api-key."


def rule(authorizations: tuple[str, ...] = (), subprotocols: tuple[str, ...] = ()) -> str:
    answer = find_credential(authorizations, subprotocols)
    assert isinstance(answer, Denied)
    assert answer.reason is CloseReason.UNAUTHENTICATED
    return answer.rule


@pytest.mark.parametrize("header", ["Bearer a.b-c_d~e+f/g==", "bearer a.b-c_d~e+f/g=="])
def test_a_bearer_header_is_found_in_any_case(header: str) -> None:
    assert find_credential([header]) == Credential("a.b-c_d~e+f/g==", Place.HEADER)


def test_a_subprotocol_credential_keeps_its_dots() -> None:
    found = find_credential((), ("realtime", f"{KEY}aa.bb.cc", "openai-beta.realtime-v1"))
    assert found == Credential("aa.bb.cc", Place.SUBPROTOCOL)


def test_two_credentials_are_refused_even_if_they_are_equal() -> None:
    assert rule(("Bearer a", "Bearer a")) == "credential.several"
    assert rule(("Bearer a",), (f"{KEY}a",)) == "credential.several"
    assert rule((), (f"{KEY}a", f"{KEY}a")) == "credential.several"
    assert rule(("Basic a",), (f"{KEY}a",)) == "credential.several"


def test_a_missing_credential_is_refused_with_the_places_where_it_may_stand() -> None:
    answer = find_credential((), ("realtime",))
    assert isinstance(answer, Denied)
    assert answer.rule == "credential.missing"
    assert "Authorization: Bearer" in answer.message
    assert KEY in answer.message


@pytest.mark.parametrize("header", ["Basic dXNlcg==", "dev-alice", "", "Token x"])
def test_another_scheme_is_refused(header: str) -> None:
    assert rule((header,)) == "credential.scheme"


@pytest.mark.parametrize("text", ["", " ", "a b", "a,b", "ä", "a\x00", "a\n"])
def test_a_value_that_is_no_token_is_refused(text: str) -> None:
    assert rule((f"Bearer x{text}" if text.strip() else "Bearer",)) == "credential.form"
    assert rule((), (f"{KEY}{text}",)) == "credential.form"


def test_neither_a_credential_nor_a_refusal_prints_the_secret() -> None:
    assert "hunter2" not in repr(find_credential(["Bearer hunter2"]))
    assert "hunter2" not in repr(find_credential(["Bearer hunter2", "Bearer hunter2"]))
    assert "hunter2" not in repr(find_credential(["Basic hunter2"]))
    assert "hunter2" not in repr(find_credential(["Bearer hunter2,"]))


@pytest.mark.parametrize(
    ("offered", "selection"),
    [
        ((), Selection(None, False)),
        (("realtime",), Selection("realtime", False)),
        ((f"{KEY}x", "realtime"), Selection("realtime", False)),
        ((f"{KEY}x",), Selection(None, False)),
        (("relay-events.v1",), Selection(None, False)),
        (("relay-events.v1", "realtime", f"{KEY}x"), Selection("realtime", True)),
        (("Realtime",), Selection(None, False)),
        (("openai-beta.realtime-v1", "realtime"), Selection("realtime", False)),
    ],
)
def test_realtime_is_selected_if_offered_and_nothing_else_ever(
    offered: tuple[str, ...], selection: Selection
) -> None:
    assert select_subprotocol(offered) == selection
