"""The tables of the report: metrics, refusals, flips, cases."""

import json
from collections.abc import Iterable, Sequence

from evals.golden_set.comparing import Comparison, Flip
from evals.golden_set.records import CaseRecord, MetricRecord, RunRecord
from evals.golden_set.report.markup import Child, Markup, element, joined

_OUTCOMES = ("answer", "partial", "clarify", "refuse", "none")


def metrics_table(record: RunRecord) -> Markup:
    """List each metric with its interval, and its gate if it has one."""
    gates = {gate.metric: gate for gate in record.gates}
    rows: list[Sequence[Child]] = []
    for name in dict.fromkeys([*record.metrics, *gates]):
        metric, gate = record.metrics.get(name), gates.get(name)
        verdict = joined(f"{gate.bound:g} ", _result(gate.holds, "holds", "broken")) if gate else ""
        count = metric.count if metric else None
        rows.append((name, _value(metric), _interval(metric), count, verdict))
    return _table(
        "Each metric with its 95 % interval, the cases it was measured on, and its gate.",
        ("metric", "value", "95 % interval", "cases", "gate"),
        rows,
        numbers=(1, 2, 3),
    )


def refusal_table(record: RunRecord) -> Markup:
    """Count what came for each outcome that was expected."""
    came = [name for name in _OUTCOMES if any(name in row for row in record.refusals.values())]
    rows: list[Sequence[Child]] = [
        (f"{wanted} was expected", *(record.refusals[wanted].get(name, 0) for name in came))
        for wanted in _OUTCOMES
        if wanted in record.refusals
    ]
    return _table(
        "Outcomes: rows are what was expected, columns what came.",
        ("", *came),
        rows,
        numbers=range(1, len(came) + 1),
    )


def comparison_tables(comparison: Comparison) -> Markup:
    """List what flipped, and how far the runs differ."""
    deltas = [
        (
            name,
            f"{delta.value:+.1%}",
            f"{delta.low:+.1%} to {delta.high:+.1%}",
            f"{delta.p_value:.3f}",
            delta.count,
        )
        for name, delta in comparison.deltas.items()
    ]
    left_out = [
        element("p", f"{title}: {', '.join(names)}", class_="soft")
        for title, names in (
            ("Not asked any more", comparison.lost),
            ("New", comparison.added),
            ("Changed, so not compared", comparison.changed),
        )
        if names
    ]
    return joined(
        *(element("p", failure, class_="bad") for failure in comparison.failures),
        _table(
            "Difference to the older run over the same cases (paired bootstrap, 10,000 resamples).",
            ("share of", "difference", "95 % interval", "p (randomization)", "cases"),
            deltas,
            numbers=(1, 2, 3, 4),
        ),
        _flips(comparison.flips),
        *left_out,
    )


def _flips(flips: Sequence[Flip]) -> Markup:
    if not flips:
        return element("p", "No case flipped.")
    rows = [
        (
            joined(flip.case_id, element("span", " critical", class_="bad"))
            if flip.critical
            else flip.case_id,
            _result(flip.turned == "better", "passes now", "fails now"),
            flip.question,
            "; ".join(flip.why),
        )
        for flip in flips
    ]
    return _table("Flips.", ("case", "result", "question", "what was wrong"), rows)


def cases_table(records: Iterable[CaseRecord]) -> Markup:
    """List every case; a script may hide rows by their `data-result`."""
    header = element(
        "tr",
        element("th", "case", scope="col", class_="id"),
        element("th", "result", scope="col", class_="result"),
        element("th", "question and answer", scope="col"),
        element("th", "seconds", scope="col", class_="time number"),
    )
    table = element(
        "table",
        element("caption", "Every case, in the order of the files."),
        element("thead", header),
        element("tbody", *map(_case_row, records)),
        class_="cases",
    )
    return element("div", table, class_="scroll")


def _case_row(each: CaseRecord) -> Markup:
    result = "skipped" if each.passed is None else "passed" if each.passed else "failed"
    shown = result if each.passed is None else _result(each.passed, "passed", "failed")
    critical = element("p", "critical", class_="soft") if each.case.critical else None
    return element(
        "tr",
        element("th", each.case.id, critical, scope="row"),
        element("td", shown),
        element("td", *_story(each)),
        element("td", f"{each.seconds:.2f}", class_="number"),
        data_result=result,
    )


def _story(each: CaseRecord) -> Iterable[Markup]:
    asker = f" (as {each.case.asker})" if each.case.asker else ""
    yield element("p", each.case.question, element("span", asker, class_="soft"))
    yield element("p", *(element("span", tag, class_="tag") for tag in each.case.tags))
    if each.notes:
        yield element("ul", *(element("li", note) for note in each.notes), class_="notes")
    if each.skipped or each.problem:
        yield element("p", each.skipped or each.problem, class_="soft")
    if each.answer:
        confidence = (each.answer.get("confidence") or {}).get("level", "none")
        status = f"{each.answer.get('status')}, confidence {confidence}"
        whole = json.dumps(each.answer, indent=1, ensure_ascii=False)
        yield element(
            "details",
            element("summary", f"Answer: {status}"),
            element("pre", str(each.answer.get("answer", ""))),
            element("details", element("summary", "As JSON"), element("pre", whole)),
        )


def _table(
    caption: str,
    titles: Sequence[str],
    rows: Iterable[Sequence[Child]],
    *,
    numbers: Iterable[int] = (),
) -> Markup:
    right = set(numbers)

    def classes(place: int) -> str | None:
        return "number" if place in right else None

    head = [
        element("th", title, scope="col", class_=classes(place))
        for place, title in enumerate(titles)
    ]
    body = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell, class_=classes(n)) for n, cell in enumerate(row[1:], start=1)),
        )
        for row in rows
    ]
    table = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *head)),
        element("tbody", *body),
    )
    return element("div", table, class_="scroll")


def _result(holds: bool, good: str, bad: str) -> Markup:
    return element("span", good if holds else bad, class_="good" if holds else "bad")


def _value(metric: MetricRecord | None) -> str:
    return "not measured" if metric is None else f"{metric.value:.4g}"


def _interval(metric: MetricRecord | None) -> str:
    if metric is None or metric.low is None or metric.high is None:
        return ""
    return f"{metric.low:.3f} to {metric.high:.3f}"
