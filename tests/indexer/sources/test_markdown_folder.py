"""A folder of Markdown files is read for the entity that it was given."""

from pathlib import Path

import pytest

from indexer.sources.markdown_folder import MarkdownFolder, MarkdownFolderSource
from indexer.sources.source import EVERYTHING_ANEW, Asked, Failure
from portal_rag.corpus.documents import Document
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import ConfigurationError, UpstreamError
from tests.indexer.building import APP_URL, SHOP, write_files

PAGES = {
    "handbook/README.md": "# The handbook\n\nRead it.",
    "handbook/ops/restart.md": "---\ntype: Runbook\ndate: 2026-01-02\n---\n# Restart\n\nSlowly.",
    "handbook/ops/linked.md": "---\nurl: https://wiki.example/linked\n---\n# Linked\n\nText.",
}


def folder(path: Path, ref: str = str(SHOP)) -> MarkdownFolder:
    return MarkdownFolder.parse(f"{path}={ref}")


async def read(
    *folders: MarkdownFolder, asked: Asked = EVERYTHING_ANEW
) -> tuple[list[Document], list[Failure]]:
    source = MarkdownFolderSource(folders, app_url=APP_URL)
    delivered = [each async for each in source.documents(asked)]
    documents = [each for each in delivered if isinstance(each, Document)]
    assert {document.source for document in documents} <= set(source.parts)
    assert (source.entities(), source.notes(), source.reads_files) == ((), (), True)
    return documents, [each for each in delivered if isinstance(each, Failure)]


async def test_every_markdown_file_is_a_page_of_the_entity(tmp_path: Path) -> None:
    write_files(tmp_path, {**PAGES, "handbook/image.svg": "<svg/>"})
    documents, failures = await read(folder(tmp_path / "handbook"))
    assert failures == []
    assert [(each.path, each.title, each.kind, each.url) for each in documents] == [
        (
            "component:default/shop/handbook/README.md",
            "The handbook",
            "readme",
            f"{APP_URL}/catalog/default/component/shop",
        ),
        (
            "component:default/shop/handbook/ops/linked.md",
            "Linked",
            "guide",
            "https://wiki.example/linked",
        ),
        (
            "component:default/shop/handbook/ops/restart.md",
            "Restart",
            "runbook",
            f"{APP_URL}/catalog/default/component/shop",
        ),
    ]
    assert {(each.entity_ref, each.resource_ref) for each in documents} == {(SHOP, SHOP)}
    assert [each.modified_at is not None for each in documents] == [False, False, True]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://u:p@x.example", "//x", "http://["])
async def test_a_link_that_is_no_web_address_gives_way_to_the_portal(
    tmp_path: Path, url: str
) -> None:
    write_files(tmp_path, {"a/x.md": f"---\nurl: '{url}'\n---\n# X"})
    [document], _ = await read(folder(tmp_path / "a"))
    assert document.url == f"{APP_URL}/catalog/default/component/shop"


async def test_hidden_and_installed_folders_are_passed_over(tmp_path: Path) -> None:
    write_files(tmp_path, {"a/x.md": "# X", "a/.git/y.md": "# Y", "a/node_modules/z.md": "# Z"})
    documents, _ = await read(folder(tmp_path / "a"))
    assert [document.title for document in documents] == ["X"]


async def test_a_page_that_leads_outside_or_is_broken_is_reported(tmp_path: Path) -> None:
    write_files(
        tmp_path, {"secret.md": "# Secret", "a/x.md": "# X", "a/bad.md": "---\na: [\n---\n"}
    )
    (tmp_path / "a/leak.md").symlink_to(tmp_path / "secret.md")
    documents, failures = await read(folder(tmp_path / "a"))
    assert [document.title for document in documents] == ["X"]
    assert [(each.scope, each.reason.partition(": ")[0]) for each in failures] == [
        ("component:default/shop/a/bad.md", "a/bad.md"),
        ("component:default/shop/a/leak.md", "a/leak.md"),
    ]


async def test_folders_of_one_entity_do_not_meet(tmp_path: Path) -> None:
    write_files(tmp_path, {"a/x.md": "# X", "b/x.md": "# Y"})
    documents, _ = await read(folder(tmp_path / "a"), folder(tmp_path / "b"))
    assert len({document.path for document in documents}) == 2
    assert len({document.source for document in documents}) == 2


async def test_a_folder_inside_another_is_governed_by_its_own_entity(tmp_path: Path) -> None:
    write_files(tmp_path, {"a/x.md": "# X", "a/inner/y.md": "# Y", "a/inner/z/z.md": "# Z"})
    inner = folder(tmp_path / "a/inner", "component:default/inner")
    documents, _ = await read(folder(tmp_path / "a"), inner)
    assert [(each.title, each.resource_ref.name) for each in documents] == [
        ("X", "shop"),
        ("Y", "inner"),
        ("Z", "inner"),
    ]


async def test_a_run_for_one_entity_reads_its_folders_alone(tmp_path: Path) -> None:
    write_files(tmp_path, {"a/x.md": "# X", "b/y.md": "# Y"})
    both = folder(tmp_path / "a"), folder(tmp_path / "b", "component:default/other")
    only = EntityRef.parse("component:default/other")
    documents, failures = await read(*both, asked=Asked(known={}, only=only))
    assert ([document.title for document in documents], failures) == (["Y"], [])
    nobody = EntityRef.parse("component:default/nobody")
    assert await read(*both, asked=Asked(known={}, only=nobody)) == ([], [])


async def test_one_folder_that_vanished_keeps_what_is_known_of_it(tmp_path: Path) -> None:
    write_files(tmp_path, {"a/x.md": "# X", "empty/x.txt": ""})
    documents, failures = await read(
        folder(tmp_path / "a"), folder(tmp_path / "gone"), folder(tmp_path / "empty")
    )
    assert [document.title for document in documents] == ["X"]
    assert [(each.scope, each.is_outage) for each in failures] == [
        ("component:default/shop/gone/", True),
        ("component:default/shop/empty/", True),
    ]
    assert failures[0].covers("component:default/shop/gone/x.md")
    assert "--markdown" in failures[0].reason


@pytest.mark.parametrize("name", ["gone", "empty"])
async def test_no_folder_with_a_page_is_a_failed_source(tmp_path: Path, name: str) -> None:
    write_files(tmp_path, {"empty/x.txt": ""})
    with pytest.raises(UpstreamError, match=name):
        await read(folder(tmp_path / name))


@pytest.mark.parametrize(
    "pair", ["docs", "=component:a", "docs=", "docs=shop", "docs=a b:c", "a\0=api:x"]
)
def test_a_malformed_pair_is_quoted_with_what_to_write(pair: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        MarkdownFolder.parse(pair)
    assert repr(pair) in raised.value.message
    assert "--markdown DIR=ENTITY_REF" in raised.value.message
    assert "PORTAL_INDEX_MARKDOWN" in raised.value.message


def test_a_folder_may_have_an_equals_sign_in_its_name() -> None:
    assert MarkdownFolder.parse("/srv/a=b=api:x").path.name == "a=b"


def test_a_folder_with_two_entities_or_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    other = "component:default/other"
    for folders in (
        (folder(tmp_path / "a"), folder(tmp_path / "a", other)),
        (folder(tmp_path / "x/a"), folder(tmp_path / "y/a")),
        (),
    ):
        with pytest.raises(ConfigurationError, match="--markdown DIR=ENTITY_REF"):
            MarkdownFolderSource(folders, app_url=APP_URL)
    same = folder(tmp_path / "a")
    assert len(MarkdownFolderSource((same, same), app_url=APP_URL).parts) == 1
