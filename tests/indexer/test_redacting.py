"""What must not enter the index does not: neither from documents nor with the catalog."""

import random
import string
from dataclasses import replace
from pathlib import Path

from indexer.redacting import for_snapshot, without_secrets
from indexer.sources.files import FilesSource
from indexer.sources.source import Source
from portal_rag.backstage.entities import Entity
from portal_rag.corpus.redaction import SecretFound
from portal_rag.principals import LocalReader
from portal_rag.services import open_services
from tests.factories import make_json, make_question
from tests.fakes.embedding import HashingEmbedder
from tests.indexer.building import (
    APP_URL,
    ListedSource,
    component,
    make_block,
    make_document,
    make_section,
    write_files,
)
from tests.indexer.test_pipeline import Portal
from tests.portal_rag.world import make_settings

EXAMPLE = Path(__file__).parents[2] / "deploy" / "example-portal"
NOT_FOR_THE_INDEX = b"not-a-real-key"


def drawn(length: int = 36, *, seed: int = 7) -> str:
    chooser = random.Random(seed)  # noqa: S311  (made-up secrets keep nothing safe)
    return "".join(chooser.choices(string.ascii_letters + string.digits, k=length))


GITHUB = "ghp" + "_" + drawn()
NPM = "npm" + "_" + drawn()


def files_below(directory: Path) -> bytes:
    found = [path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()]
    assert found
    return b"\n".join(found)


def test_a_document_without_secrets_is_left_as_it_is() -> None:
    document = make_document()
    assert without_secrets(document) == (document, ())


def test_every_text_of_a_document_is_redacted() -> None:
    code = make_block(f"export X={GITHUB}\nrun", kind="code")
    section = make_section("Log in", f"Use {GITHUB}.", "Then go.")
    document = make_document(
        replace(section, blocks=(*section.blocks, code)),
        make_section("Next", "Done."),
        title=f"Page {GITHUB}",
        site_title=f"Site {NPM}",
    )
    cleaned, found = without_secrets(document)
    marker = "[redacted github-token]"
    assert cleaned.site_title == "Site [redacted npm-token]"
    assert cleaned.title == f"Page {marker}"
    texts = [block.text for section in cleaned.sections for block in section.blocks]
    assert texts == [f"Use {marker}.", "Then go.", f"export X={marker}\nrun", "Done."]
    assert cleaned.sections[0].blocks[2].kind == "code"
    assert [(one.rule, one.start_line) for one in found] == [
        ("npm-token", 1),
        ("github-token", 2),
        ("github-token", 4),
        ("github-token", 6),
    ]
    assert (cleaned.path, cleaned.url) == (document.path, document.url)


def test_a_heading_that_held_a_secret_loses_its_anchor() -> None:
    document = make_document(make_section(f"Use {GITHUB}", "Text."), make_section("Next", "Text."))
    cleaned, _ = without_secrets(document)
    assert [section.anchor for section in cleaned.sections] == ["", "next"]
    assert GITHUB.lower() not in repr(cleaned).lower()


def test_a_private_key_over_several_blocks_goes_as_a_whole() -> None:
    begin, end = ("-----" + f"{word} RSA PRIVATE KEY-----" for word in ("BEGIN", "END"))
    head = f"{begin}\nProc-Type: 4,ENCRYPTED"
    body = f"{drawn(64)}\n{drawn(64, seed=8)}\n{end}"
    document = make_document(make_section("Key", head, body, "Keep it."))
    cleaned, found = without_secrets(document)
    assert [one.rule for one in found] == ["private-key"]
    assert [block.text.strip() for block in cleaned.sections[0].blocks] == [
        "[redacted private-key]",
        "Keep it.",
    ]


async def test_a_run_reports_where_secrets_stood_and_stores_none(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "index")
    document = make_document(make_section("Log in", f"Use {GITHUB}, {GITHUB} or {NPM}."))
    report = await portal.run(ListedSource(document, make_document(location="guide/")))
    (source,) = report.sources
    assert [(one.document, one.rule, one.count) for one in source.secrets] == [
        (document.path, "github-token", 2),
        (document.path, "npm-token", 1),
    ]
    assert drawn() not in repr(report)
    assert drawn().encode() not in files_below(portal.directory)
    assert await portal.found("redacted") == {document.path}


async def test_a_rotated_secret_changes_nothing(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "index")

    def document_with(text: str) -> Source:
        return ListedSource(make_document(make_section("Log in", text)))

    await portal.run(document_with(f"Use {GITHUB}."))
    rotated = "ghp" + "_" + drawn(seed=9)
    report = await portal.run(document_with(f"Use {rotated}."))
    assert (report.published, portal.embedder.texts) == (False, [])
    changed = await portal.run(document_with(f"Use {NPM}."))
    assert (changed.published, changed.embedded) == (True, 1)


async def test_a_failure_does_not_repeat_a_secret(tmp_path: Path) -> None:
    files = {"shop.yaml": component("shop", owner=f"'{GITHUB} x'"), "b.yaml": component("b")}
    source = FilesSource(write_files(tmp_path / "portal", files), app_url=APP_URL)
    report = await Portal(tmp_path / "index").run(source)
    assert drawn() not in repr(report).replace("\\", "")


def test_the_snapshot_keeps_only_harmless_annotations() -> None:
    annotations = {
        "backstage.io/techdocs-ref": "dir:.",
        "backstage.io/techdocs-entity": "component:default/shop",
        "backstage.io/source-location": "url:https://code.example/shop/",
        "backstage.io/view-url": "https://code.example/shop",
        "backstage.io/edit-url": "https://code.example/shop/edit",
        "backstage.io/orphan": "true",
        "github.com/project-slug": "example/shop",
        "pagerduty.com/service-id": "P1",
        "argocd/app-name": "shop",
    }
    secret = {"pagerduty.com/integration-key": "x", "example.com/unknown": "x"}
    kept = for_snapshot(make_json("component:default/shop", annotations={**annotations, **secret}))
    assert kept["metadata"]["annotations"] == annotations


def test_the_snapshot_holds_no_secret_in_any_field() -> None:
    entity = make_json(
        "api:default/shop",
        description=f"Use {GITHUB}",
        annotations={"backstage.io/view-url": f"https://code.example/?x={GITHUB}"},
        links=[{"url": "https://x.example", "title": GITHUB}],
        spec={"definition": f"servers: {GITHUB}", "tokens": [drawn(24)], "port": 8080},
        relations={"ownedBy": ["group:default/team"]},
    )
    kept = for_snapshot(entity)
    assert drawn() not in repr(kept)
    assert drawn(24) not in repr(kept)
    assert kept["metadata"]["description"] == "Use [redacted github-token]"
    assert kept["spec"]["tokens"] == ["[redacted credential]"]
    assert (kept["spec"]["port"], kept["relations"]) == (8080, entity["relations"])


def test_an_entity_without_secrets_is_kept_as_it_is() -> None:
    plain = make_json("component:default/shop", description="Sells", spec={"type": "service"})
    assert for_snapshot(plain) == plain
    assert for_snapshot({"kind": "Component"}) == {"kind": "Component"}
    odd = {"kind": "Component", "metadata": {"annotations": None}}
    assert for_snapshot(odd) == odd


async def test_the_integration_keys_of_the_example_portal_stay_outside(tmp_path: Path) -> None:
    assert NOT_FOR_THE_INDEX in files_below(EXAMPLE)
    portal = Portal(tmp_path / "index")
    report = await portal.run(FilesSource(EXAMPLE, app_url=APP_URL))
    assert report.sources[0].secrets == ()
    assert NOT_FOR_THE_INDEX not in files_below(portal.directory)


async def test_no_answer_holds_an_integration_key_of_the_example_portal(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "index")
    source = FilesSource(EXAMPLE, app_url=APP_URL)
    await portal.run(source)
    settings = make_settings(portal.directory, PORTAL_RAG_AUTH="none")
    names = [entity.name for entity in filter(None, map(Entity.parse, source.entities()))]
    asked = ("What is {}?", "What is the PagerDuty integration key of {}?", "Links of {}?")
    async with open_services(settings, load=lambda _: HashingEmbedder()) as services:
        reader = services.portal_of(LocalReader())
        for question in [text.format(name) for name in names for text in asked]:
            answer = await services.pipeline.answer(make_question(question), reader)
            assert NOT_FOR_THE_INDEX.decode() not in repr(answer)


def test_the_snapshot_of_a_heading_is_told_by_line() -> None:
    _, found = without_secrets(make_document(make_section("Log in", f"a\nb {GITHUB}")))
    assert found == (SecretFound(rule="github-token", start_line=5),)


def test_half_a_character_in_any_field_can_be_stored() -> None:
    half = "\ud800"
    document = make_document(
        make_section(f"A{half}", f"b{half}", anchor=half),
        title=half,
        site_title=half,
        location=f"{half}/",
    )
    clean, found = without_secrets(document)
    assert found == ()
    assert "\\ud800" not in repr(clean)
    assert clean.sections[0].title == "A\ufffd"


def test_a_secret_that_something_unseen_splits_is_found() -> None:
    split = GITHUB[:10] + "\u200b\ufe0f" + GITHUB[10:]
    clean, [found] = without_secrets(make_document(make_section("Log in", f"Use {split}.")))
    assert found.rule == "github-token"
    assert drawn() not in repr(clean)


def test_a_secret_in_an_address_goes_with_what_holds_it() -> None:
    addresses = {
        f"https://x.example/a?access_token={GITHUB}": "https://x.example/a",
        f"https://x.example/a#{GITHUB}": "https://x.example/a",
        f"https://x.example/{GITHUB}/a?b": "https://x.example/",
        f"https://{GITHUB}/a": "",
    }
    for address, left in addresses.items():
        clean, [found] = without_secrets(replace(make_document(), url=address))
        assert (clean.url, found.rule) == (left, "github-token")


def test_an_anchor_that_holds_a_secret_is_dropped() -> None:
    hidden = make_section("Clean", "Text.", anchor=GITHUB)
    clean, _ = without_secrets(make_document(hidden, make_section("Next", "Text.")))
    assert [section.anchor for section in clean.sections] == ["", "next"]


def test_a_title_is_shortened_once_it_is_redacted() -> None:
    title = "word " * 36 + GITHUB
    clean, found = without_secrets(make_document(make_section(title, "Text."), title=title))
    assert len(found) == 2
    assert clean.title == clean.sections[0].title
    assert len(clean.title) == 200
    assert GITHUB[:6] not in clean.title


def test_a_label_and_its_value_in_two_blocks_are_read_together() -> None:
    code = make_block(drawn(12, seed=2), kind="code")
    section = make_section("Log in", "Database password:")
    document = make_document(replace(section, blocks=(*section.blocks, code)))
    clean, [_] = without_secrets(document)
    assert clean.sections[0].blocks[1].text == "[redacted credential]"
