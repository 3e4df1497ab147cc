"""Whatever a file holds, it is one failure at most, soon, and the rest is read."""

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path

import pytest

from indexer.chunking import split
from indexer.redacting import for_snapshot, without_secrets
from indexer.sources.files import FilesSource
from indexer.sources.html import read_sections
from indexer.sources.local_files import MOST_BYTES, read_text, visible_files
from indexer.sources.patient_markdown import PatientMarkdown, is_easy, serve
from indexer.sources.search_index import pages_of
from indexer.sources.source import EVERYTHING_ANEW, Failure
from portal_rag.backstage.techdocs import IndexedSection
from portal_rag.corpus.documents import Document
from portal_rag.errors import InputError
from tests.indexer.building import APP_URL, component, write_files

HEAD = component("bad").replace("spec:\n  type: service\n", "")
SITE = {"site.yaml": component("shop", docs="dir:."), "docs/index.md": "# Shop"}


def multiplied(first: str, line: str) -> str:
    lines = [line.format(number, ", ".join([f"*a{number - 1}"] * 9)) for number in range(1, 12)]
    return HEAD + f"spec:\n  a0: &a0 {first}\n" + "".join(lines)


BROKEN_ENTITIES: dict[str, str] = {
    "flow nested 1,000 deep": HEAD + "spec: {x: " + "[" * 1_000 + "]" * 1_000 + "}",
    "flow nested 5,000 deep": HEAD + "spec: {x: " + "[" * 5_000 + "]" * 5_000 + "}",
    "flow without an end": HEAD + "spec: {x: " + "[" * 2_000_000,
    "blocks nested 1,000 deep": HEAD
    + "spec:\n"
    + "".join(" " * depth + "a:\n" for depth in range(1, 1_000)),
    "JSON nested 5,000 deep": '{"apiVersion": "backstage.io/v1alpha1", "spec":'
    + "[" * 5_000
    + "]" * 5_000
    + "}",
    "aliases that nest": HEAD
    + "spec:\n  a0: &a0 [x]\n"
    + "".join(f"  a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 500)),
    "aliases that multiply": multiplied("[x]", "  a{0}: &a{0} [{1}]\n"),
    "merges that multiply": multiplied("{{x: 1}}", "  a{0}: &a{0} {{<<: [{1}]}}\n")
    .replace("{{x", "{x")
    .replace("1}}", "1}"),
    "an endless number": HEAD + "spec: {x: " + "9" * 1_000_000 + "}",
    "a number by sixties": HEAD + "spec: {x: !!int '" + "1:" * 50_000 + "1'}",
    "a float by sixties": HEAD + "spec: {x: !!float '" + "1:" * 50_000 + "1.0'}",
    "a date out of range": HEAD + "spec: {x: !!timestamp 9999-99-99}",
    "no date": HEAD + "spec: {x: !!timestamp perhaps}",
    "no truth value": HEAD + "spec: {x: !!bool perhaps}",
    "no number": HEAD + "spec: {x: !!int ''}",
    "no JSON": HEAD + "spec: {x: !!set {a, b}}",
    "a NUL byte": HEAD + "spec: {x: 'a\0b'}",
    "half a character": HEAD.replace("name: bad", 'name: "a\\ud800"'),
    "a name turned around": HEAD.replace("name: bad", "name: 'a\u202eb'"),
    "very many values": HEAD + "spec:\n" + "".join(f"  k{n}: v\n" for n in range(60_000)),
}


async def read(root: Path) -> tuple[list[Document], list[Failure], str]:
    source = FilesSource(root, app_url=APP_URL)
    delivered = [each async for each in source.documents(EVERYTHING_ANEW)]
    documents = [each for each in delivered if isinstance(each, Document)]
    clean = [without_secrets(document)[0] for document in documents]
    assert all(chunk.id and chunk.content_hash for each in clean for chunk in split(each))
    failures = [each for each in delivered if isinstance(each, Failure)]
    assert all(failure.reason.isprintable() for failure in failures)
    snapshot = json.dumps([for_snapshot(each) for each in source.entities()])
    snapshot.encode()
    return clean, failures, snapshot


@pytest.mark.parametrize("kind", BROKEN_ENTITIES)
async def test_a_hostile_entity_is_a_failure_of_its_file(tmp_path: Path, kind: str) -> None:
    files = {"bad.yaml": BROKEN_ENTITIES[kind], "good.yaml": component("good")}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    documents, [failure], snapshot = await read(tmp_path)
    assert [document.path for document in documents] == ["component:default/good#entity"]
    assert failure.reason.startswith("bad.yaml: ")
    assert len(failure.reason) < 300
    assert "good" in snapshot


async def test_many_entities_and_long_texts_are_read(tmp_path: Path) -> None:
    many = "---\n".join(component(f"a{number}") for number in range(10_000))
    long = HEAD.replace("name: bad", "name: long\n  description: " + "word " * 200_000)
    documents, failures, _ = await read(write_files(tmp_path, {"a.yaml": many, "b.yaml": long}))
    assert (len(documents), failures) == (10_001, [])


@pytest.mark.parametrize(
    "reference", ['"dir:a\\0b"', "dir:" + "x" * 5_000, "dir:" + "../" * 2_000, "'dir:\ufeff'"]
)
async def test_a_hostile_path_is_a_failure_of_its_entity(tmp_path: Path, reference: str) -> None:
    for annotation in ("techdocs-ref", "adr-location"):
        text = HEAD + f"  annotations:\n    backstage.io/{annotation}: {reference}\n"
        (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")
        documents, [failure], _ = await read(tmp_path)
        assert len(documents) == 1
        assert failure.scope.startswith("component:default/bad/")


NAV = "&a0 [x.md]\n" + "".join(
    f"x{n}: &a{n} [{', '.join([f'y: *a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("configuration", "is_read"),
    [
        ("nav: " + "[" * 5_000 + "]" * 5_000, False),
        ("nav:\n" + "".join(" " * n + "- a:\n" for n in range(1, 3_000)), False),
        (f"x0: {NAV}nav: *a11\n", True),
        ("nav: &a [x: *a]\n", True),
        ("nav: [" + "x.md, " * 50_000 + "]", True),
        ("site_name: {a: b}\nnav: 7\ndocs_dir: [docs]", True),
    ],
)
async def test_a_hostile_navigation_is_a_failure_of_its_site(
    tmp_path: Path, configuration: str, is_read: bool
) -> None:
    documents, failures, _ = await read(
        write_files(tmp_path, {**SITE, "mkdocs.yml": configuration})
    )
    assert len(documents) == 1 + is_read
    assert len(failures) == 1 - is_read


@pytest.mark.parametrize(
    ("front_matter", "is_read"),
    [
        ("x: " + "[" * 5_000 + "]" * 5_000, False),
        ("date: 0001-01-01T00:00:00+23:00", True),
        ("date: 2026-01-01T00:00:00+99:00", False),
        ("date: 99999-01-01", True),
        ("x: " + "1:" * 100_000 + "1", True),
        ("x: !!python/object:os.system a", False),
        ("x: !!timestamp soon", False),
        ("a0: &a0 [x]\na1: &a1 [*a0, *a0]\ntitle: [*a1, *a1]", True),
        ("title: &a [*a]", True),
        ("title: {a: b}\ndate: []\nkind: [runbook]\nurl: 7", True),
    ],
)
async def test_hostile_front_matter_is_a_failure_of_its_page(
    tmp_path: Path, front_matter: str, is_read: bool
) -> None:
    page = f"---\n{front_matter}\n---\nText."
    documents, failures, _ = await read(write_files(tmp_path, {**SITE, "docs/bad.md": page}))
    assert len(documents) == 2 + is_read
    assert [failure.scope for failure in failures] == ["component:default/shop/bad/"] * (
        1 - is_read
    )


def break_name(docs: Path) -> None:
    (docs / os.fsdecode(b"\xff\x1b[31m.md")).write_text("Text.")


def make_folder(docs: Path) -> None:
    (docs / "x.md").mkdir()


def make_loop(docs: Path) -> None:
    (docs / "x").symlink_to(docs)
    (docs / "y.md").symlink_to(docs / "z.md")
    (docs / "z.md").symlink_to(docs / "y.md")


@pytest.mark.parametrize(
    ("spoil", "read_too", "failed"), [(break_name, 1, 0), (make_folder, 0, 0), (make_loop, 0, 2)]
)
async def test_hostile_names_and_links_are_failures_of_their_own(
    tmp_path: Path, spoil: Callable[[Path], None], read_too: int, failed: int
) -> None:
    root = write_files(tmp_path, SITE)
    spoil(root / "docs")
    documents, failures, _ = await read(root)
    assert (len(documents), len(failures)) == (2 + read_too, failed)


async def test_a_catalog_file_of_any_name_is_reported_in_plain_characters(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\x1b[31m\n.yaml")).write_text(component("a") + "  x: [")
    write_files(tmp_path, {"good.yaml": component("good")})
    _, [failure], _ = await read(tmp_path)
    assert failure.reason.startswith("\\udcff\\x1b[31m\\n.yaml: not valid YAML")


async def test_text_that_nobody_sees_is_taken_out(tmp_path: Path) -> None:
    page = "# Sh\u202eop\n\n## A\x01 part\n\nPay\u200bments\u2066 are\x00 here."
    documents, _, _ = await read(write_files(tmp_path, {**SITE, "docs/index.md": page}))
    sections = documents[1].sections
    assert documents[1].title == "Shop"
    assert sections[1].title == "A part"
    assert "\u2066" not in sections[1].blocks[0].text


def test_a_file_that_grew_meanwhile_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_bytes(b"x" * (MOST_BYTES + 1))
    with pytest.raises(InputError, match="larger than"):
        read_text(tmp_path, tmp_path / "x.md")


def test_a_folder_that_cannot_be_listed_is_an_error_and_not_empty(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be listed"):
        list(visible_files(tmp_path / "gone"))


HOSTILE_MARKDOWN: dict[str, str] = {
    "quotes": "> " * 100_000 + "x",
    "lists": "".join("  " * depth + "- a\n" for depth in range(1_000)),
    "brackets": "[" * 100_000,
    "marks": "*a_ **b__ " * 20_000,
    "emoji": ":a" * 100_000,
    "one line": "a" * 4_900_000,
    "many notes": "".join(f"[^{n}]" for n in range(20_000)),
    "definitions": "a\n:   b\n" * 20_000,
}


@pytest.mark.parametrize("kind", HOSTILE_MARKDOWN)
def test_hostile_markdown_is_given_up_and_the_next_page_is_read(kind: str) -> None:
    easy, hard = "# Easy", "# Hard\n\n" + "word " * 7_000
    assert is_easy(easy)
    assert not is_easy(hard)
    with PatientMarkdown(seconds=1) as patient:
        with suppress(InputError):
            patient.read(HOSTILE_MARKDOWN[kind])
        assert patient.read(easy)[0].title == "Easy"
    with PatientMarkdown(seconds=60) as patient:
        assert patient.read(hard)[0].title == "Hard"
        assert patient.read(hard)[0].title == "Hard"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_500,
        "*" * 1_500,
        ":a" * 750,
        "1. " * 660,
        "> " * 666,
        "`a" * 750,
        "a\n:   b\n" * 1_500,
    ],
)
def test_what_counts_as_easy_is_read_at_once(text: str) -> None:
    assert is_easy(text)
    with PatientMarkdown() as patient, suppress(InputError):
        patient.read(text)


def test_the_other_process_answers_until_nobody_asks() -> None:
    own, other = Pipe()
    for text in ("# A", "a\n:   b\n" * 3_000):
        own.send(text)
    answers: list[tuple[object, str]] = []

    def ask() -> None:
        answers.extend(own.recv() for _ in range(3))
        own.close()

    asking = threading.Thread(target=ask)
    before = signal.getsignal(signal.SIGINT)
    asking.start()
    try:
        serve(other)
    finally:
        signal.signal(signal.SIGINT, before)
    asking.join()
    assert [refusal for _, refusal in answers] == ["", "", "nested too deeply"]


def test_a_process_that_ends_is_no_end_of_the_run() -> None:
    hard = "word " * 7_000
    with PatientMarkdown() as patient:
        assert patient.read(hard)
        [reader] = multiprocessing.active_children()
        reader.kill()
        reader.join()
        with pytest.raises(InputError, match="than this machine has"):
            patient.read(hard)
        assert patient.read(hard)


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 1_000_000,
        "<p>" + "".join(f"<font a={n}><p>" for n in range(10_000)),
        "<table><tr><td>" * 20_000,
        "<ul><li>" * 10_001,
    ],
)
def test_html_that_would_take_very_long_is_refused(html: str) -> None:
    with pytest.raises(InputError, match="stand inside one another"):
        read_sections(html)
    entry = IndexedSection(location="a/", title="A", text=html, tags=())
    assert pages_of([entry])[0].sections[0].blocks == ()


@pytest.mark.parametrize(
    "html",
    [
        "<table><tr><td>" * 3_000 + "x",
        "<ul><li>" * 3_000 + "x",
        "<blockquote>" * 9_000 + "x",
        "<svg>" * 10_000 + "</svg>" * 10_000 + "x",
        "<p>" + "<span>x" * 20_000,
        f"<ol start='{'9' * 6_000}'><li>x</ol>",
        "<h1>" * 10_000 + "x",
    ],
)
def test_html_of_any_shape_is_read(html: str) -> None:
    read_sections(html)


def test_a_table_inside_a_cell_is_text_of_that_cell() -> None:
    inner = "<table><tbody><tr><td>b</td><td>c</td></tr></tbody></table>"
    [section] = read_sections(f"<table><thead><tr><th>a</th><th>{inner}</th></tr></thead></table>")
    assert [block.text for block in section.blocks] == ["a | b c"]
