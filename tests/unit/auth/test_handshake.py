"""Where credentials may stand, and what subprotocol is selected."""

from __future__ import annotations

import pytest

from app.auth.denied import Denied
from app.auth.handshake import (
    Credential,
    Place,
    Selection,
    Shown,
    find_credential,
    select_subprotocol,
)
from app.protocol.close_reasons import CloseReason

KEY = "openai-insecure-api-key."


def rule(
    authorizations: tuple[str, ...] = (),
    subprotocols: tuple[str, ...] = (),
    *,
    api_keys: tuple[str, ...] = (),
    query: dict[str, list[str]] | None = None,
    in_query: bool = False,
) -> str:
    shown = Shown(authorizations, api_keys, subprotocols, query or {})
    answer = find_credential(shown, in_query=in_query)
    assert isinstance(answer, Denied)
    assert answer.reason is CloseReason.UNAUTHENTICATED
    return answer.rule


@pytest.mark.parametrize("header", ["Bearer a.b-c_d~e+f/g==", "bearer a.b-c_d~e+f/g=="])
def test_a_bearer_header_is_found_in_any_case(header: str) -> None:
    assert find_credential(Shown([header])) == Credential("a.b-c_d~e+f/g==", Place.HEADER)


def test_a_subprotocol_credential_keeps_its_dots() -> None:
    offered = ("realtime", f"{KEY}aa.bb.cc", "openai-beta.realtime-v1")
    found = find_credential(Shown(subprotocols=offered))
    assert found == Credential("aa.bb.cc", Place.SUBPROTOCOL)


def test_two_credentials_are_refused_even_if_they_are_equal() -> None:
    assert rule(("Bearer a", "Bearer a")) == "credential.several"
    assert rule(("Bearer a",), (f"{KEY}a",)) == "credential.several"
    assert rule((), (f"{KEY}a", f"{KEY}a")) == "credential.several"
    assert rule(("Basic a",), (f"{KEY}a",)) == "credential.several"


def test_a_missing_credential_is_refused_with_the_places_where_it_may_stand() -> None:
    answer = find_credential(Shown(subprotocols=("realtime",)))
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


def test_an_api_key_header_is_a_credential_without_a_scheme() -> None:
    assert find_credential(Shown(api_keys=("ek_a.b",))) == Credential("ek_a.b", Place.API_KEY)
    assert rule(api_keys=("Bearer a",)) == "credential.form"
    assert rule(api_keys=("a", "a")) == "credential.several"
    assert rule(("Bearer a",), api_keys=("a",)) == "credential.several"
    assert rule((), (f"{KEY}a",), api_keys=("a",)) == "credential.several"


@pytest.mark.parametrize(
    "query",
    [
        {"api-key": ["hunter2"]},
        {"Authorization": ["Bearer hunter2"]},
        {"API-Key": ["hunter2"]},
        {"authorization": ["Bearer hunter2"]},
    ],
)
def test_a_credential_in_the_query_is_refused_unless_the_operator_allows_it(
    query: dict[str, list[str]],
) -> None:
    shown = Shown(query=query)
    answer = find_credential(shown)
    assert isinstance(answer, Denied)
    assert answer.rule == "credential.query"
    assert "api-key: ..." in answer.message
    assert "RELAY_QUERY_CREDENTIALS" in answer.message
    assert "hunter2" not in repr(answer) + repr(shown)
    assert find_credential(shown, in_query=True) == Credential("hunter2", Place.QUERY)


def test_a_credential_in_the_query_is_refused_also_beside_a_good_one() -> None:
    query = {"api-key": ["a"]}
    assert rule(("Bearer a",), query=query) == "credential.query"
    assert rule(("Bearer a",), query=query, in_query=True) == "credential.several"
    assert rule((), (f"{KEY}a",), query=query, in_query=True) == "credential.several"
    assert rule(query={"api-key": ["a", "a"]}, in_query=True) == "credential.several"
    both = {"api-key": ["a"], "Authorization": ["Bearer a"]}
    assert rule(query=both, in_query=True) == "credential.several"


def test_the_forms_in_the_query_are_those_of_the_headers() -> None:
    assert rule(query={"Authorization": ["hunter2"]}, in_query=True) == "credential.scheme"
    assert rule(query={"api-key": ["Bearer a"]}, in_query=True) == "credential.form"
    assert rule(query={"api-key": [""]}, in_query=True) == "credential.form"
    assert rule(query={"model": ["a"], "key": ["b"]}) == "credential.missing"


@pytest.mark.parametrize("word", ["null", "undefined", "None"])
def test_an_sdk_that_was_given_no_key_is_told_so(word: str) -> None:
    assert rule((), (f"{KEY}{word}",)) == "credential.no_key"
    assert rule((f"Bearer {word}",)) == "credential.no_key"
    assert rule(api_keys=(word,)) == "credential.no_key"
    answer = find_credential(Shown(subprotocols=(f"{KEY}{word}",)))
    assert isinstance(answer, Denied)
    assert "POST /tickets" in answer.message


def test_neither_a_credential_nor_a_refusal_prints_the_secret() -> None:
    for headers in (
        ["Bearer hunter2"],
        ["Bearer hunter2", "Bearer hunter2"],
        ["Basic hunter2"],
        ["Bearer hunter2,"],
    ):
        shown = Shown(headers, api_keys=headers[1:], subprotocols=headers[1:])
        assert "hunter2" not in repr(shown) + repr(find_credential(shown))


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
