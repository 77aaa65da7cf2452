"""What the samples say: medians, spread, ratios to HAProxy's, as a table and as a picture."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bench.workloads import Sample, Workload

JUDGE = "haproxy"


@dataclass(frozen=True)
class Figure:
    """One peer's figure in one workload: median, least and most; how many runs were thrown away."""

    median: float
    least: float
    most: float
    p99: float | None
    dropped: int


def figure(samples: Sequence[Sample], *, anyway: bool = False) -> Figure | None:
    """None where no run was fair. Runs on a disturbed machine do not count, unless `anyway`."""
    fair = [one for one in samples if (anyway or not one.disturbed) and one.value is not None]
    if not fair:
        return None
    values = [one.value for one in fair if one.value is not None]
    latencies = [one.p99 for one in fair if one.p99 is not None]
    return Figure(
        statistics.median(values),
        min(values),
        max(values),
        statistics.median(latencies) if latencies else None,
        len(samples) - len(fair),
    )


Figures = dict[str, Figure | None]
"""By peer."""


def table(workload: Workload, figures: Figures) -> str:
    """Markdown: a line for each peer, and the judgement."""
    judge = figures.get(JUDGE)
    lines = [
        f"### {workload.title} ({workload.unit})",
        "",
        "| peer | median | least ... most | by HAProxy's | p99 latency, us | runs dropped |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, one in figures.items():
        if one is None:
            lines.append(f"| {name} | the machine was too disturbed | | | | all |")
            continue
        ratio = f"{one.median / judge.median:.2f}" if judge else ""
        p99 = "" if one.p99 is None else f"{one.p99:.0f}"
        spread = f"{one.least:.3g} ... {one.most:.3g}"
        lines.append(f"| {name} | {one.median:.3g} | {spread} | {ratio} | {p99} | {one.dropped} |")
    lines += ["", judgement(workload, figures), ""]
    return "\n".join(lines)


def judgement(workload: Workload, figures: Figures) -> str:
    """One sentence: is the target met?"""
    ours, judge = figures.get("ours"), figures.get(JUDGE)
    if workload.judged is None or "ours" not in figures or JUDGE not in figures:
        return ""
    if ours is None or judge is None:
        return "**Not judged**: the machine was too disturbed. Run it again."
    accepted, aim = workload.judged
    ratio = ours.median / judge.median
    word = "**Aim reached**" if ratio <= aim else "Accepted" if ratio <= accepted else "**Missed**"
    return f"{word}: {ratio:.2f} of HAProxy's; at most {accepted}, aim {aim}."


BAR, GAP, LEFT, WIDTH = 18, 6, 210, 760
COLOURS = {"ours": "#2f6fde", "haproxy": "#8a8f98", "nginx": "#b4b8bf", "usual": "#d98a3d"}


def picture(title: str, drawn: Sequence[tuple[Workload, Figures]]) -> str:
    """An SVG with a group of bars for each workload, each scaled to its own longest bar."""
    rows: list[str] = []
    top = 40
    for workload, figures in drawn:
        known = {name: one for name, one in figures.items() if one is not None}
        if not known:
            continue
        longest = max(one.median for one in known.values()) or 1.0
        rows.append(
            f'<text x="12" y="{top + 14}" class="group">{escape(workload.title)}'
            f'<tspan class="unit">  {escape(workload.unit)}</tspan></text>'
        )
        top += 24
        for name, one in known.items():
            length = max(1.0, one.median / longest * (WIDTH - LEFT - 90))
            colour = COLOURS.get(name, "#999")
            rows.append(
                f'<text x="{LEFT - 10}" y="{top + 13}" class="name">{escape(name)}</text>'
                f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>'
                f'<text x="{LEFT + length + 8:.1f}" y="{top + 13}">{one.median:.3g}</text>'
            )
            top += BAR + GAP
        top += 14
    style = (
        "text{font:13px system-ui,sans-serif;fill:#333}.name{text-anchor:end}"
        ".group{font-weight:600}.unit{font-weight:400;fill:#777}.title{font-size:15px;font-weight:600}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" role="img" '
        f'aria-label="{escape(title)}"><style>{style}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="12" y="22" class="title">{escape(title)}</text>{"".join(rows)}</svg>\n'
    )
