"""Value rules of what the model hears: turn detection, transcription, noise reduction. PURE.

Upstream replaces these objects whole, so every object that goes on carries the operator's forced
sub-fields, also where the client left them out: forced means forced.
"""

from __future__ import annotations

import re
from typing import Any

from app.policy.findings import Fault, Findings, Kept, Shaped, wrong_type, wrong_value
from app.policy.shapes import clamped, is_integer, is_number

THRESHOLD = (0.1, 0.95)
PREFIX_MS = (0, 2000)
SILENCE_MS = (200, 5000)  # 1 ms of silence would bill a response for every word
EAGERNESS = ("low", "medium", "high", "auto")
NOISE_REDUCTIONS = ("near_field", "far_field")

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?\Z")
_FLAGS = ("create_response", "interrupt_response")
_RANGES = {
    "threshold": THRESHOLD,
    "prefix_padding_ms": PREFIX_MS,
    "silence_duration_ms": SILENCE_MS,
}


def noise_reduction(value: Any, path: str, rule: str, findings: Findings) -> Shaped:
    """null (off) or one of two types."""
    if value is None:
        return Kept(None)
    if not isinstance(value, dict):
        return wrong_type(path, "an object or null")
    if value.get("type") not in NOISE_REDUCTIONS:
        return wrong_value(f"{path}.type", "'near_field' or 'far_field'")
    findings.ignore_others(value, ("type",), path, rule)
    return Kept({"type": value["type"]})


def transcription(value: Any, path: str, rule: str, findings: Findings) -> Shaped:
    """Only the language is the client's; it switches transcription neither on nor off. The model
    is forced: on Azure it names a deployment."""
    model = findings.policy.transcription_model
    if value is not None and not isinstance(value, dict):
        return wrong_type(path, "an object or null")
    if model is None or value is None:
        if value is not None or model is not None:
            findings.ignore(path, rule)
        return None
    findings.ignore_others(value, ("language",), path, rule)
    language = value.get("language")
    if language is None:
        return None
    if not isinstance(language, str):
        return wrong_type(f"{path}.language", "a string")
    if not _LANGUAGE.match(language):
        return wrong_value(f"{path}.language", "a language such as 'en'")
    offered = findings.policy.languages
    if offered is not None and language not in offered:
        findings.ignore(f"{path}.language", rule)
        return None
    return Kept({"model": model, "language": language})


def turn_detection(value: Any, path: str, rule: str, findings: Findings) -> Shaped:
    """null (push to talk), `server_vad` or `semantic_vad`. Where the operator forces something on,
    null would switch it off, and is dropped."""
    if value is None:
        policy = findings.policy
        if policy.create_response or policy.interrupt_response:
            findings.ignore(path, rule)
            return None
        return Kept(None)
    if not isinstance(value, dict):
        return wrong_type(path, "an object or null")
    kind = value.get("type", "server_vad")
    if kind == "server_vad":
        built = _server_vad(value, path, rule, findings)
    elif kind == "semantic_vad":
        built = _semantic_vad(value, path)
    else:
        return wrong_value(f"{path}.type", "'server_vad', 'semantic_vad' or null")
    if isinstance(built, Fault):
        return built
    flags = _flags(value, path, rule, findings)
    if isinstance(flags, Fault):
        return flags
    own = tuple(_RANGES) if kind == "server_vad" else ("eagerness",)
    findings.ignore_others(value, ("type", *own, *_FLAGS), path, rule)
    return Kept({"type": kind, **built, **flags})


def _server_vad(
    value: dict[str, Any], path: str, rule: str, findings: Findings
) -> dict[str, Any] | Fault:
    built: dict[str, Any] = {}
    for name, (low, high) in _RANGES.items():
        entry = value.get(name)
        if entry is None:
            continue
        if name == "threshold" and not is_number(entry):
            return wrong_type(f"{path}.{name}", "a number")
        if name != "threshold" and not is_integer(entry):
            return wrong_type(f"{path}.{name}", "an integer")
        built[name] = clamped(entry, low, high, f"{path}.{name}", rule, findings)
    return built


def _semantic_vad(value: dict[str, Any], path: str) -> dict[str, Any] | Fault:
    eagerness = value.get("eagerness")
    if eagerness is None:
        return {}
    if eagerness not in EAGERNESS:
        return wrong_value(f"{path}.eagerness", "'low', 'medium', 'high' or 'auto'")
    return {"eagerness": eagerness}


def _flags(
    value: dict[str, Any], path: str, rule: str, findings: Findings
) -> dict[str, Any] | Fault:
    policy = findings.policy
    forced = {
        "create_response": policy.create_response,
        "interrupt_response": policy.interrupt_response,
    }
    built: dict[str, Any] = {}
    for name in _FLAGS:
        entry, must = value.get(name), forced[name]
        if entry is not None and not isinstance(entry, bool):
            return wrong_type(f"{path}.{name}", "true or false")
        if must is not None and entry is not None and entry != must:
            findings.change(f"{path}.{name}", must, rule)
        if must is not None or entry is not None:
            built[name] = entry if must is None else must
    return built
