"""The leak matrix asks in many ways, and notices whatever a hidden thing changes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.leakage.battery import Try, sample, tries_about
from evals.leakage.judging import comparable, hidden_words
from evals.leakage.matrix import World, judged
from evals.leakage.reporting import Report
from evals.leakage.timing import Timing, timed
from evals.leakage.worlds import Known, reduce_content
from tests.indexer.building import component, write_files

SECRET = Known(ref="component:default/vault", name="vault", title="The Vault")


def answer(text: str, *, status: str = "answered", state: str = "ok") -> dict[str, Any]:
    return {
        "id": "1",
        "status": status,
        "answer": text,
        "confidence": {"level": "high", "reasons": ["fetched 3 s ago"]},
        "sources": [{"id": 1, "url": "https://x", "fetchedAt": "now", "modifiedAt": "then"}],
        "warnings": [],
        "consulted": [{"source": "catalog", "state": state, "tookMs": 3}],
        "followUps": [],
    }


def test_each_hidden_entity_is_asked_about_in_more_than_thirty_ways() -> None:
    tries = list(tries_about(SECRET, ["payments"]))
    assert len({each.said for each in tries}) > 30
    assert any(each.entity_ref for each in tries)
    assert any(each.history for each in tries)
    assert sample(tries, 10, 1) == sample(tries, 10, 1)
    assert len(sample(tries, 10, 1)) == 10
    assert sample(tries, 1_000, 1) == tries


@pytest.mark.parametrize(
    ("given", "attempt", "visible", "found"),
    [
        ("Nothing is known.", "Who owns vault?", "", []),
        ("Did you mean vault?", "Who owns vaul?", "", ["vault"]),
        ("See The\\-Vault\\.", "Who?", "", []),
        ("It is in **The Vault**\\.", "Who?", "", ["The Vault", "vault"]),
        ("It is vaulted.", "Who?", "", []),
        ("You asked for vault.", "What is the vault?", "", []),
        ("The guide names vault.", "Who?", "beside the vault", []),
    ],
)
def test_hidden_names_are_found_unless_they_were_said_or_may_be_read(
    given: str, attempt: str, visible: str, found: list[str]
) -> None:
    words = ["The Vault", "vault"]
    asked = Try(about=SECRET.ref, question=attempt)
    assert list(hidden_words(answer(given), asked, words, visible)) == found


def test_answers_are_compared_without_what_time_alone_changes() -> None:
    other = answer("Yes.") | {"id": "2"}
    other["consulted"] = [{"source": "catalog", "state": "ok", "tookMs": 7}]
    other["confidence"] = {"level": "high", "reasons": ["fetched 17 s ago"]}
    other["sources"] = [{"id": 1, "url": "https://x", "fetchedAt": "later", "modifiedAt": None}]
    assert comparable(answer("Yes.")) == comparable(other)
    assert comparable(answer("Yes.")) != comparable(answer("Yes.", status="partial"))
    assert comparable(answer("Yes.")) != comparable(answer("No."))


@pytest.mark.parametrize(
    ("told", "leaks", "unsure"),
    [
        (answer("Nothing."), [], 0),
        (answer("Nothing here."), ["differs"], 0),
        (answer("Ask in vault."), ["says 'vault'", "differs"], 0),
        (answer("Nothing.", state="timeout"), [], 1),
        (answer("Ask in vault.", state="timeout"), ["says 'vault'"], 1),
    ],
)
def test_a_difference_or_a_hidden_word_is_a_leak(
    tmp_path: Path, told: Mapping[str, Any], leaks: list[str], unsure: int
) -> None:
    world = World(
        user="guest",
        hidden=[SECRET],
        phrases=["canary"],
        ask=lambda _: answer("Nothing."),
        content=tmp_path,
    )
    tries = [Try(about=SECRET.ref, question="Who?")]
    asks = {"forward": lambda _: told, "plugin": lambda _: answer("Nothing.")}
    outcome, harmless = judged(world, tries, asks)
    assert [leak.what for leak in outcome.leaks] == leaks
    assert (outcome.identity, outcome.tries, outcome.unsure) == ("forward", 1, unsure)
    assert (harmless.identity, harmless.tries, harmless.leaks) == ("plugin", 1, [])


def test_a_reduced_portal_holds_what_is_visible_and_nothing_else(tmp_path: Path) -> None:
    catalog = "---\n".join(
        component(name, docs=f"dir:../docs/{name}") for name in ("shop", "vault")
    )
    pages = {f"docs/{name}/docs/index.md": f"# About {name}" for name in ("shop", "vault")}
    write_files(tmp_path / "portal", {"catalog/all.yaml": catalog, **pages})
    reduce_content(tmp_path / "portal", tmp_path / "reduced", ["component:default/shop"])
    files = {
        file.relative_to(tmp_path / "reduced").as_posix(): file.read_text()
        for file in (tmp_path / "reduced").rglob("*")
        if file.is_file()
    }
    assert set(files) == {"catalog/all.yaml", "docs/shop/docs/index.md"}
    assert "vault" not in "".join(files.values())


@pytest.mark.parametrize(
    ("hidden", "missing", "share", "tells"),
    [
        ([2, 4], [1, 3], 0.75, True),
        ([1, 3], [2, 4], 0.25, True),
        ([1, 2, 3], [1, 2, 3], 0.5, False),
        ([], [], 0.5, False),
    ],
)
def test_times_tell_hidden_from_missing_if_the_one_is_mostly_slower(
    hidden: list[float], missing: list[float], share: float, tells: bool
) -> None:
    timing = Timing(hidden=hidden, missing=missing)
    assert (timing.slower, timing.tells) == (share, tells)


def test_each_try_is_timed_in_both_portals() -> None:
    asked: list[str] = []
    tries = [Try(about=SECRET.ref, question=question) for question in ("a", "b")]
    timing = timed(
        tries,
        lambda attempt: asked.append(f"hiding {attempt.question}") or {},
        lambda attempt: asked.append(f"without {attempt.question}") or {},
    )
    assert asked == ["without a", "hiding a", "hiding b", "without b"]
    assert len(timing.hidden) == len(timing.missing) == 2


EVERYTHING = {SECRET.ref: SECRET}


def world_of(content: Path) -> World:
    hidden = [SECRET]
    return World(user="guest", hidden=hidden, phrases=["canary"], ask=answer, content=content)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"entities": ["component:default/shop"]}', 0),
        ('{"entities": ["component:default/vault"]}', 1),
        ('{"retrieved": ["files/techdocs:component:default/vault/canary/:0"]}', 1),
    ],
)
def test_a_hidden_name_in_an_audit_line_is_a_leak(tmp_path: Path, line: str, code: int) -> None:
    report = Report()
    report.search_audit("everyday", line, world_of(tmp_path))
    assert report.end() == code


@pytest.mark.parametrize(("text", "code"), [("took_ms=3", 0), ('labels{entity="Vault"}', 1)])
def test_any_name_in_a_log_or_in_metrics_is_a_leak(text: str, code: int) -> None:
    report = Report()
    report.search_log("service.log", text, EVERYTHING)
    assert report.end() == code


def test_times_that_tell_and_answers_that_differ_fail_the_matrix(tmp_path: Path) -> None:
    for took, leaks in ((2.0, 0), (9.0, 0), (2.0, 1)):
        report = Report()
        report.add_timing("plugin", "guest", Timing(hidden=[took], missing=[2.0]))
        asked = judged(
            replace(world_of(tmp_path), ask=lambda _: answer("Nothing.")),
            [Try(about=SECRET.ref, question="Who?")],
            {"plugin": lambda _, leaks=leaks: answer("Nothing." + "!" * leaks)},
        )
        report.add("everyday", 1, asked)
        assert report.end() == int(took == 9.0 or leaks == 1)
