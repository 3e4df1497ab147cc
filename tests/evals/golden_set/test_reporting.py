import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

from evals.golden_set.comparing import compare
from evals.golden_set.junit import write_junit
from evals.golden_set.records import GateRecord, RunRecord, read_record, skip_case, write_record
from evals.golden_set.report.markup import Markup, element
from evals.golden_set.report.page import render
from tests.evals.golden_set.made_up import answer, case, nothing_found, record, refusal, run_of

NASTY = "<script>alert(1)</script>\x00"


def some_run(**changed: object) -> RunRecord:
    return run_of(
        record(case(id="right"), answer()),
        record(case(id="wrong", critical=True, tags=("ownership", "trap")), nothing_found()),
        record(case(id="nasty", tags=(NASTY,)), answer(answer=NASTY)),
        record(refusal("not_found", id="broken", tags=()), None, problem="503 no"),
        skip_case(case(id="skipped"), "no portal"),
        gates=(
            GateRecord(metric="pass_rate", bound=0.1, measured=0.25, holds=True),
            GateRecord(metric="leaks", bound=0, measured=None, holds=False),
        ),
        **changed,
    )


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def seen(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Seen()
    parser.feed(page)
    return parser.tags


def test_the_report_loads_nothing() -> None:
    page = render(some_run())
    attributes = [name for _, given in seen(page) for name in given]
    assert not {"src", "href", "srcset", "action", "onclick"} & set(attributes)
    assert "@import" not in page
    assert "url(" not in page
    assert "default-src &#x27;none&#x27;" in page


def test_what_answers_say_is_text_in_the_report() -> None:
    page = render(some_run())
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert [tag for tag, _ in seen(page)].count("script") == 1


def test_the_report_shows_every_case_gate_and_plot() -> None:
    page = render(some_run())
    rows = [given["data-result"] for tag, given in seen(page) if "data-result" in given]
    assert rows == ["passed", "failed", "failed", "failed", "skipped"]
    for text in ("gates broken: leaks", "Reliability", "Risk by coverage", "Passed cases by tag"):
        assert text in page
    images = [given for tag, given in seen(page) if tag == "svg"]
    assert len(images) == 3
    assert all(given["role"] == "img" for given in images)
    assert page.count("<desc>") == 3


def test_the_report_shows_flips_when_compared() -> None:
    older = run_of(record(case(id="wrong", critical=True), answer()))
    page = render(some_run(), compare(older, some_run()))
    assert "fails now" in page
    assert "wrong is critical, and fails now" in page
    assert "New: right, nasty, broken" in page
    better = render(older, compare(older, older))
    assert "No case flipped." in better


def test_a_report_without_any_answer_has_no_plots_of_confidence() -> None:
    page = render(run_of(record(refusal("not_found"), nothing_found())))
    assert "<figcaption>Reliability" not in page
    assert "verdict good" not in page


def test_the_same_run_is_the_same_page() -> None:
    assert render(some_run()) == render(some_run())


def test_ids_used_by_the_script_are_unique() -> None:
    ids = [given["id"] for _, given in seen(render(some_run())) if "id" in given]
    assert sorted(ids) == ["result", "shown", "words"]


def test_markup_escapes_all_but_markup() -> None:
    assert element("p", "a < b", Markup("<b>c</b>"), title='"', hidden=True, lang=None) == (
        '<p title="&quot;" hidden>a &lt; b<b>c</b></p>'
    )
    assert element("rect", x=1.5, class_="bar") == '<rect x="1.5" class="bar"/>'


def test_junit_has_a_suite_for_each_first_tag_and_the_gates(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    write_junit(some_run(), path)
    root = ET.parse(path).getroot()  # noqa: S314  (written just now)
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["ownership", "<script>alert(1)</script>", "untagged", "gates"]
    counts = [(suites["ownership"].get(name)) for name in ("tests", "failures", "skipped")]
    assert counts == ["3", "1", "1"]
    failure = suites["ownership"].find("testcase[@name='wrong']/failure")
    assert failure is not None
    assert "insufficient_evidence, not answer" in str(failure.get("message"))
    assert "Who owns shop?" in str(failure.text)
    gate = suites["gates"].find("testcase[@name='leaks']/failure")
    assert gate is not None
    assert gate.get("message") == "not measured, the bound is 0"


def test_junit_without_gates_has_no_suite_of_them(tmp_path: Path) -> None:
    write_junit(run_of(record(case(), answer())), tmp_path / "junit.xml")
    assert "gates" not in (tmp_path / "junit.xml").read_text(encoding="utf-8")


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_record(some_run(), path)
    assert read_record(path) == some_run()
    assert re.search(r'"format": 1', path.read_text(encoding="utf-8"))
    assert json.loads(path.read_text(encoding="utf-8"))["cases"][0]["case"]["id"] == "right"
