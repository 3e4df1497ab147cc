"""Plots as SVG: each says in words what it shows, for those who do not see it."""

from collections.abc import Mapping, Sequence

from evals.golden_set.records import MetricRecord
from evals.golden_set.report.markup import Markup, element, joined
from evals.metrics.calibration import Bin, RiskPoint

_SIZE, _LEFT, _BOTTOM, _EDGE = 360.0, 52.0, 46.0, 14.0
_SPAN_X, _SPAN_Y = _SIZE - _LEFT - _EDGE, _SIZE - _BOTTOM - _EDGE
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_LONGEST_TAG = 26
_ROW, _LABEL, _BARS, _VALUES = 26.0, 190.0, 420.0, 150.0


def reliability_diagram(bins: Sequence[Bin]) -> Markup:
    """Plot how often answers were right against how sure they were; a dot's area is its share."""
    total = sum(each.count for each in bins)
    told = "; ".join(
        f"{each.count} answers with confidence {each.confidence:.2f}: {each.accuracy:.2f} right"
        for each in bins
    )
    dots = [
        element(
            "circle",
            class_="dot",
            cx=_x(each.confidence),
            cy=_y(each.accuracy),
            r=4 + 14 * (each.count / total) ** 0.5,
            fill_opacity=0.75,
        )
        for each in bins
    ]
    ideal = element("line", class_="ideal", x1=_x(0), y1=_y(0), x2=_x(1), y2=_y(1))
    return _square("Reliability diagram", told, "confidence", "share right", ideal, *dots)


def risk_curve(points: Sequence[RiskPoint], error_rate: float) -> Markup:
    """Plot the share of wrong answers among the most confident ones."""
    told = "; ".join(
        f"the {coverage:.0%} most confident: {_risk_at(points, coverage):.1%} wrong"
        for coverage in (0.25, 0.5, 0.75, 1.0)
    )
    random = element(
        "line", class_="ideal", x1=_x(0), y1=_y(error_rate), x2=_x(1), y2=_y(error_rate)
    )
    curve = _polyline([(point.coverage, point.risk) for point in points])
    dots = [
        element("circle", class_="dot", cx=_x(point.coverage), cy=_y(point.risk), r=3)
        for point in points[:: max(1, len(points) // 20)]
    ]
    return _square("Risk by coverage", told, "coverage", "share wrong", random, curve, *dots)


def tag_bars(rates: Mapping[str, MetricRecord]) -> Markup:
    """Draw the share of passed cases of each tag as a bar, with its interval as a whisker."""
    height = _ROW * len(rates) + 8
    told = "; ".join(f"{tag}: {rate.value:.0%} of {rate.count}" for tag, rate in rates.items())
    rows = [_bar(number, tag, rate) for number, (tag, rate) in enumerate(rates.items())]
    return element(
        "svg",
        element("title", "Passed cases by tag"),
        element("desc", told),
        *rows,
        class_="wide",
        role="img",
        viewBox=f"0 0 {_LABEL + _BARS + _VALUES:g} {height:g}",
    )


def _bar(number: int, tag: str, rate: MetricRecord) -> Markup:
    top = number * _ROW + 4
    low, high = rate.low or 0.0, rate.high or 0.0
    middle = top + _ROW / 2 - 2
    label = tag if len(tag) <= _LONGEST_TAG else f"{tag[: _LONGEST_TAG - 1]}…"
    return joined(
        element("text", label, x=_LABEL - 10, y=middle + 4, text_anchor="end"),
        element("rect", class_="track", x=_LABEL, y=top, width=_BARS, height=_ROW - 8),
        element("rect", class_="bar", x=_LABEL, y=top, width=_BARS * rate.value, height=_ROW - 8),
        element(
            "line",
            class_="whisker",
            x1=_LABEL + _BARS * low,
            x2=_LABEL + _BARS * high,
            y1=middle,
            y2=middle,
        ),
        element(
            "text",
            f"{rate.value:.0%} of {rate.count}",
            x=_LABEL + _BARS + 10,
            y=middle + 4,
        ),
    )


def _square(title: str, told: str, across: str, up: str, *marks: Markup) -> Markup:
    return element(
        "svg",
        element("title", title),
        element("desc", told),
        *_axes(across, up),
        *marks,
        role="img",
        viewBox=f"0 0 {_SIZE:g} {_SIZE:g}",
    )


def _axes(across: str, up: str) -> list[Markup]:
    drawn = []
    for tick in _TICKS:
        drawn += [
            element("line", class_="grid", x1=_x(tick), x2=_x(tick), y1=_y(0), y2=_y(1)),
            element("line", class_="grid", x1=_x(0), x2=_x(1), y1=_y(tick), y2=_y(tick)),
            element("text", f"{tick:g}", x=_x(tick), y=_y(0) + 17, text_anchor="middle"),
            element("text", f"{tick:g}", x=_x(0) - 7, y=_y(tick) + 4, text_anchor="end"),
        ]
    middle = _y(0.5)
    return [
        *drawn,
        element("line", class_="axis", x1=_x(0), x2=_x(1), y1=_y(0), y2=_y(0)),
        element("line", class_="axis", x1=_x(0), x2=_x(0), y1=_y(0), y2=_y(1)),
        element("text", across, x=_x(0.5), y=_SIZE - 10, text_anchor="middle"),
        element(
            "text", up, x=14, y=middle, text_anchor="middle", transform=f"rotate(-90 14 {middle:g})"
        ),
    ]


def _polyline(points: Sequence[tuple[float, float]]) -> Markup:
    places = " ".join(f"{_x(across):.1f},{_y(up):.1f}" for across, up in points)
    return element("polyline", class_="curve", points=places)


def _risk_at(points: Sequence[RiskPoint], coverage: float) -> float:
    return points[max(0, round(coverage * len(points)) - 1)].risk


def _x(share: float) -> float:
    return _LEFT + share * _SPAN_X


def _y(share: float) -> float:
    return _EDGE + (1 - share) * _SPAN_Y
