"""The page as a whole."""

import base64
import hashlib
import json

from evals.golden_set.comparing import Comparison
from evals.golden_set.records import RunRecord
from evals.golden_set.report.markup import Markup, element, joined
from evals.golden_set.report.plots import reliability_diagram, risk_curve, tag_bars
from evals.golden_set.report.style import CSS, SCRIPT
from evals.golden_set.report.tables import (
    cases_table,
    comparison_tables,
    metrics_table,
    refusal_table,
)
from evals.golden_set.summing import claims, pass_rates_by_tag
from evals.metrics.calibration import area_under_risk, reliability, risk_coverage


def render(record: RunRecord, comparison: Comparison | None = None) -> str:
    """Write one HTML file that loads nothing, and runs no script but its own filter."""
    policy = (
        f"default-src 'none'; style-src '{_hash(CSS)}'; script-src '{_hash(SCRIPT)}';"
        " base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"Evaluation {record.run_id}"),
        element("style", Markup(CSS)),
    )
    body = element("body", element("main", *_sections(record, comparison)), _script())
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _sections(record: RunRecord, comparison: Comparison | None) -> list[Markup]:
    sections = [_opening(record)]
    if comparison:
        sections.append(_section("Compared with the older run", comparison_tables(comparison)))
    sections.append(_section("Metrics", metrics_table(record), refusal_table(record)))
    sections.append(_section("Plots", _plots(record)))
    sections.append(_section("Cases", _filter(), cases_table(record.cases)))
    measured = json.dumps(dict(record.fingerprints), indent=1, ensure_ascii=False)
    sections.append(_section("What was measured", element("pre", measured)))
    return sections


def _opening(record: RunRecord) -> Markup:
    broken = [gate.metric for gate in record.gates if not gate.holds]
    verdict = f"gates broken: {', '.join(broken)}" if broken else "all gates hold"
    passed = sum(bool(each.passed) for each in record.cases)
    skipped = len(record.cases) - len(record.asked)
    return element(
        "header",
        element("h1", "Evaluation of portal-rag"),
        element("p", f"Run {record.run_id} of {record.started_at}", class_="soft"),
        element(
            "p",
            f"{passed} of {len(record.asked)} cases passed in {record.took_seconds:.0f} s"
            + (f", {skipped} skipped" if skipped else "")
            + ".",
        ),
        element("p", verdict, class_=f"verdict {'bad' if broken else 'good'}")
        if record.gates
        else None,
    )


def _section(title: str, *parts: Markup) -> Markup:
    return element("section", element("h2", title), *parts)


def _plots(record: RunRecord) -> Markup:
    confidences, right = claims(record.cases)
    figures = []
    if right:
        error_rate = 1 - sum(right) / len(right)
        area = area_under_risk(confidences, right) or 0.0
        figures = [
            _figure(
                "Reliability",
                reliability_diagram(reliability(confidences, right)),
                f"{len(right)} answers that claim something; on the dashed line confidence is"
                " exactly what it promises.",
            ),
            _figure(
                "Risk by coverage",
                risk_curve(risk_coverage(confidences, right), error_rate),
                f"Area under the curve {area:.3f}; the dashed line is a confidence that tells"
                f" nothing ({error_rate:.3f}).",
            ),
        ]
    rates = pass_rates_by_tag(record.cases)
    bars = _figure("Passed cases by tag", tag_bars(rates), "The line is the 95 % interval.")
    return joined(element("div", *figures, class_="plots"), bars if rates else None)


def _figure(title: str, plot: Markup, note: str) -> Markup:
    return element("figure", element("figcaption", title), plot, element("p", note))


def _filter() -> Markup:
    choices = [element("option", "all", value="")]
    choices += [element("option", name, value=name) for name in ("failed", "passed", "skipped")]
    return element(
        "div",
        element("label", "Words in it", element("input", type="search", id="words")),
        element("label", "Result", element("select", *choices, id="result")),
        element("span", id="shown", role="status", class_="soft"),
        class_="filter",
    )


def _script() -> Markup:
    return element("script", Markup(SCRIPT))


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
