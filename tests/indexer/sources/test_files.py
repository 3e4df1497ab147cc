"""A folder of catalog files and docs is read as the portal that it describes."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from indexer.sources.files import FilesSource
from indexer.sources.source import EVERYTHING, EVERYTHING_ANEW, Failure
from portal_rag.corpus.documents import Document
from portal_rag.errors import ConfigurationError, UpstreamError
from tests.indexer.building import APP_URL, component, write_files

SITE = {
    "docs/shop/mkdocs.yml": "site_name: Shop docs\nnav:\n  - Home: index.md\n",
    "docs/shop/docs/index.md": "# The shop\n\nIt sells.\n",
    "docs/shop/docs/runbook.md": "---\nlast_reviewed: 2026-01-02\n---\n# Restart\n\nSlowly.\n",
}
SHOP = {"catalog/shop.yaml": component("shop", owner="team", docs="dir:../docs/shop"), **SITE}


async def read(root: Path) -> tuple[list[Document], list[Failure]]:
    source = FilesSource(root, app_url=APP_URL)
    delivered = [each async for each in source.documents(EVERYTHING_ANEW)]
    documents = [each for each in delivered if isinstance(each, Document)]
    return documents, [each for each in delivered if isinstance(each, Failure)]


def paths(documents: list[Document]) -> list[str]:
    return [document.path for document in documents]


async def test_entities_and_their_docs_become_documents(tmp_path: Path) -> None:
    documents, failures = await read(write_files(tmp_path, SHOP))
    assert failures == []
    assert [(each.source, each.path, each.title) for each in documents] == [
        ("files/catalog", "component:default/shop#entity", "shop"),
        ("files/techdocs", "component:default/shop/", "The shop"),
        ("files/techdocs", "component:default/shop/runbook/", "Restart"),
    ]
    runbook = documents[-1]
    assert (runbook.site_title, runbook.kind) == ("Shop docs", "runbook")
    assert runbook.modified_at == datetime(2026, 1, 2, tzinfo=UTC)


async def test_the_snapshot_is_the_catalog_with_its_relations(tmp_path: Path) -> None:
    source = FilesSource(write_files(tmp_path, SHOP), app_url=APP_URL)
    assert [each async for each in source.documents(EVERYTHING_ANEW)]
    [shop] = source.entities()
    assert shop["metadata"]["namespace"] == "default"
    assert shop["relations"] == [{"type": "ownedBy", "targetRef": "group:default/team"}]
    assert source.notes() == ()


async def test_several_entities_may_share_a_file_with_other_yaml(tmp_path: Path) -> None:
    manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: x }\n"
    text = "---\n".join([component("a"), "", manifest, "- a list\n", component("b")])
    documents, failures = await read(write_files(tmp_path, {"all.yml": text}))
    assert paths(documents) == ["component:default/a#entity", "component:default/b#entity"]
    assert failures == []


async def test_a_broken_file_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    broken = component("b") + "---\n" + component("c") + "  owner: [\n"
    files = {"a.yaml": component("a"), "b.yaml": broken, "z.yaml": component("z")}
    documents, [failure] = await read(write_files(tmp_path, files))
    assert paths(documents) == [
        "component:default/a#entity",
        "component:default/b#entity",
        "component:default/z#entity",
    ]
    assert failure.scope == EVERYTHING
    assert failure.reason.startswith("b.yaml: not valid YAML")
    assert not failure.is_outage


async def test_broken_yaml_that_is_no_catalog_file_is_nobodys_business(tmp_path: Path) -> None:
    files = {"a.yaml": component("a"), "chart/values.yaml": "{{ if }}\n  - [\n"}
    documents, failures = await read(write_files(tmp_path, files))
    assert (len(documents), failures) == (1, [])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("name: a", "name: -a"), "metadata.name"),
        (("name: a", "name: " + "a" * 64), "metadata.name"),
        (("name: a", "title: a"), "metadata.name"),
        (("name: a", "name: a\n  namespace: Eu"), "metadata.namespace"),
        (("name: a", "name: a\n  tags: { a: b }"), "metadata.tags"),
        (("name: a", "name: a\n  labels: [a]"), "metadata.labels"),
        (("kind: Component", "kind: My Component"), "kind"),
        (("metadata:\n  name: a", "metadata: a"), "metadata"),
        (("spec:\n  type: service", "spec: service"), "spec"),
        (("type: service", "type: !!binary aGk="), "a value of type bytes"),
        (("type: service", "type: &a [*a]"), "nested more than"),
    ],
)
async def test_an_invalid_entity_is_reported_by_its_field(
    tmp_path: Path, change: tuple[str, str], named: str
) -> None:
    files = {"a.yaml": component("a").replace(*change), "b.yaml": component("b")}
    documents, [failure] = await read(write_files(tmp_path, files))
    assert paths(documents) == ["component:default/b#entity"]
    assert failure.reason.startswith(f"a.yaml: {named}")


async def test_an_invalid_entity_keeps_what_was_known_of_it(tmp_path: Path) -> None:
    files = {"a.yaml": component("A") + "  x: 1\nmetadata: { name: A, tags: 1 }", "b.yaml": ""}
    write_files(tmp_path, {**files, "c.yaml": component("c")})
    _, [failure] = await read(tmp_path)
    assert failure.covers("component:default/a#entity")
    assert failure.covers("component:default/a/runbook/")
    assert not failure.covers("component:default/ab/runbook/")


async def test_of_two_entities_of_one_name_the_first_counts(tmp_path: Path) -> None:
    files = {
        "a.yaml": component("shop", owner="first"),
        "b.yaml": component("Shop", owner="second"),
        "c.yaml": component("shop").replace("name: shop", "name: shop\n  namespace: eu"),
    }
    documents, [failure] = await read(write_files(tmp_path, files))
    assert paths(documents) == ["component:default/shop#entity", "component:eu/shop#entity"]
    assert "a.yaml" in failure.reason.partition("already in")[2]
    assert "b.yaml" in failure.reason
    assert "a.yaml" in failure.reason


async def test_a_reference_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    files = {"a.yaml": component("a", owner="'a b'")}
    documents, [failure] = await read(write_files(tmp_path, files))
    assert len(documents) == 1
    assert failure.reason.startswith("a.yaml: spec.owner")


@pytest.mark.parametrize(
    "docs", ["dir:../../outside", "dir:link", "dir:missing", "dir:/", "dir:../docs/mkdocs.yml"]
)
async def test_docs_outside_the_folder_are_refused(tmp_path: Path, docs: str) -> None:
    write_files(tmp_path, {"outside/docs/secret.md": "# Secret", "outside/mkdocs.yml": ""})
    root = write_files(tmp_path / "root", {"catalog/a.yaml": component("a", docs=docs)})
    (root / "catalog/link").symlink_to(tmp_path / "outside")
    documents, [failure] = await read(root)
    assert paths(documents) == ["component:default/a#entity"]
    assert failure.scope == "component:default/a/"
    assert str(tmp_path) not in failure.reason


async def test_a_page_or_catalog_file_that_leads_outside_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path, {"outside.md": "# Secret", "outside.yaml": component("secret")})
    root = write_files(tmp_path / "root", SHOP)
    (root / "docs/shop/docs/leak.md").symlink_to(tmp_path / "outside.md")
    (root / "catalog/leak.yaml").symlink_to(tmp_path / "outside.yaml")
    documents, failures = await read(root)
    assert not any("secret" in path or "leak" in path for path in paths(documents))
    assert {failure.reason for failure in failures} == {
        "catalog/leak.yaml: leads out of the folder that is indexed",
        "docs/shop/docs/leak.md: leads out of the folder that is indexed",
    }


async def test_a_configuration_that_leads_outside_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path, {"mkdocs.yml": "site_name: secret"})
    root = write_files(tmp_path / "root", {"a.yaml": component("a", docs="dir:.")})
    write_files(root, {"docs/x.md": "# X"})
    (root / "mkdocs.yml").symlink_to(tmp_path / "mkdocs.yml")
    documents, [failure] = await read(root)
    assert paths(documents) == ["component:default/a#entity"]
    assert "secret" not in failure.reason


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"---\na: [\n---\n", b"x" * 5_000_001])
async def test_a_broken_page_is_reported_and_skipped(tmp_path: Path, content: bytes) -> None:
    root = write_files(tmp_path, SHOP)
    (root / "docs/shop/docs/bad.md").write_bytes(content)
    documents, [failure] = await read(root)
    assert len(documents) == 3
    assert failure.scope == "component:default/shop/bad/"
    assert failure.reason.startswith("docs/shop/docs/bad.md: ")


async def test_a_page_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    root = write_files(tmp_path, SHOP)
    loop = root / "docs/shop/docs/loop.md"
    loop.symlink_to(loop)
    os.mkfifo(root / "docs/shop/docs/pipe.md")
    (root / "docs/shop/docs/folder.md").mkdir()
    documents, failures = await read(root)
    assert len(documents) == 3
    assert len(failures) == 2


async def test_docs_that_another_entity_owns_are_not_read_twice(tmp_path: Path) -> None:
    second = component("second", docs="dir:../docs/shop").replace(
        "annotations: {", "annotations: { backstage.io/techdocs-entity: component:default/shop,"
    )
    documents, failures = await read(write_files(tmp_path, {**SHOP, "catalog/z.yaml": second}))
    assert failures == []
    assert [path for path in paths(documents) if "second" in path] == [
        "component:default/second#entity"
    ]


async def test_docs_that_are_elsewhere_are_simply_not_here(tmp_path: Path) -> None:
    files = {"a.yaml": component("a", docs="url:https://git.example/a")}
    documents, failures = await read(write_files(tmp_path, files))
    assert (len(documents), failures) == (1, [])


async def test_hidden_and_installed_folders_are_passed_over(tmp_path: Path) -> None:
    files = {
        "a.yaml": component("a"),
        ".git/b.yaml": component("b"),
        "node_modules/c.yaml": component("c"),
    }
    documents, _ = await read(write_files(tmp_path, files))
    assert paths(documents) == ["component:default/a#entity"]


async def test_a_site_without_a_name_is_called_after_its_entity(tmp_path: Path) -> None:
    files = {"a.yaml": component("a", docs="dir:."), "docs/x-y.md": "Text without a heading."}
    documents, _ = await read(write_files(tmp_path, files))
    assert (documents[-1].site_title, documents[-1].title) == ("a", "X y")


async def test_a_folder_without_entities_is_a_failed_source(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError):
        await read(write_files(tmp_path, {"readme.txt": "nothing"}))


def test_a_folder_that_does_not_exist_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="PORTAL_INDEX_FILES_PATH"):
        FilesSource(tmp_path / "missing", app_url=APP_URL)
