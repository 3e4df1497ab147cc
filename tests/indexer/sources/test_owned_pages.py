"""An entity's ADRs and README are read, and nobody's else files for it."""

from pathlib import Path

import pytest

from indexer.sources.files import FilesSource
from indexer.sources.source import EVERYTHING_ANEW, Failure
from portal_rag.corpus.documents import Document
from tests.indexer.building import APP_URL, component, write_files


def entity(name: str, kind: str = "Component", **annotations: str) -> str:
    """Catalog YAML with annotations of Backstage, such as `adr_location`."""
    lines = "".join(
        f"    backstage.io/{key.replace('_', '-')}: '{value}'\n"
        for key, value in annotations.items()
    )
    text = component(name).replace("Component", kind)
    return text.replace("spec:", f"  annotations:\n{lines}spec:") if lines else text


async def read(
    root: Path, *, reads_readmes: bool = False
) -> tuple[list[Document], list[Failure], tuple[str, ...]]:
    source = FilesSource(root, app_url=APP_URL, reads_readmes=reads_readmes)
    delivered = [each async for each in source.documents(EVERYTHING_ANEW)]
    pages = [
        each for each in delivered if isinstance(each, Document) and each.kind not in ("entity",)
    ]
    return pages, [e for e in delivered if isinstance(e, Failure)], tuple(source.notes())


def told(documents: list[Document]) -> list[tuple[str, str]]:
    return [(document.path, document.kind) for document in documents]


@pytest.mark.parametrize("location", ["docs/adr", "dir:docs/adr", "./docs/adr/"])
async def test_the_adrs_beside_an_entity_are_its_own(tmp_path: Path, location: str) -> None:
    files = {
        "shop/catalog-info.yaml": entity("shop", adr_location=location),
        "shop/docs/adr/0001-use-kafka.md": "# Use Kafka\n\nAs it is there.",
        "shop/docs/adr/old/notes.md": "---\ntype: guide\n---\n# Notes\n\nText.",
    }
    documents, failures, notes = await read(write_files(tmp_path, files))
    assert told(documents) == [
        ("component:default/shop/adr/0001-use-kafka.md", "adr"),
        ("component:default/shop/adr/old/notes.md", "guide"),
    ]
    assert documents[0].url == f"{APP_URL}/catalog/default/component/shop"
    assert (failures, notes) == ([], ())


async def test_adrs_that_are_pages_of_the_docs_are_read_once(tmp_path: Path) -> None:
    files = {
        "catalog-info.yaml": entity("shop", adr_location="docs/adr", techdocs_ref="dir:."),
        "docs/index.md": "# Shop",
        "docs/adr/0001-use-kafka.md": "# Use Kafka",
    }
    documents, failures, _ = await read(write_files(tmp_path, files))
    assert told(documents) == [
        ("component:default/shop/", "guide"),
        ("component:default/shop/adr/0001-use-kafka/", "adr"),
    ]
    assert failures == []


@pytest.mark.parametrize(
    "annotations",
    [
        {"adr_location": "https://git.example/shop/adr"},
        {"adr_location": "url:https://git.example/shop/adr"},
        {"adr_location": "docs/adr", "source_location": "url:https://git.example/shop"},
    ],
)
async def test_adrs_elsewhere_are_noted(tmp_path: Path, annotations: dict[str, str]) -> None:
    documents, failures, notes = await read(
        write_files(tmp_path, {"a.yaml": entity("shop", **annotations)})
    )
    assert (documents, failures) == ([], [])
    assert notes == ("1 with ADRs that are not below this folder, such as component:default/shop",)


@pytest.mark.parametrize("location", ["missing", "../..", "/etc", "a.yaml"])
async def test_adrs_that_cannot_be_there_are_reported(tmp_path: Path, location: str) -> None:
    root = write_files(tmp_path / "root", {"a.yaml": entity("shop", adr_location=location)})
    documents, [failure], _ = await read(root)
    assert documents == []
    assert failure.scope == "component:default/shop/adr/"
    assert failure.reason.startswith(f"a.yaml: {location}: ")


@pytest.mark.parametrize("annotation", ["techdocs_ref", "adr_location"])
@pytest.mark.parametrize("target", ["../bank", "../bank/docs", "link"])
async def test_somebody_elses_files_cannot_be_pulled_in(
    tmp_path: Path, annotation: str, target: str
) -> None:
    files = {
        "bank/catalog-info.yaml": entity("bank"),
        "bank/docs/index.md": "# Secret plans",
        "bank/docs/docs/index.md": "# Secret plans",
        "shop/catalog-info.yaml": entity("shop", **{annotation: f"dir:{target}"}),
    }
    root = write_files(tmp_path, files)
    (root / "shop/link").symlink_to(root / "bank/docs")
    documents, [failure], _ = await read(root)
    assert documents == []
    assert "belongs to other entities" in failure.reason
    assert not failure.covers("component:default/shop/")
    assert not failure.covers("component:default/shop/adr/x.md")


async def test_a_folder_whose_catalog_file_is_broken_is_still_somebodys(tmp_path: Path) -> None:
    files = {
        "bank/catalog-info.yaml": entity("bank") + "  x: [",
        "bank/docs/index.md": "# Secret plans",
        "shop/catalog-info.yaml": entity("shop", techdocs_ref="dir:../bank"),
    }
    documents, failures, _ = await read(write_files(tmp_path, files))
    assert (documents, len(failures)) == ([], 2)


async def test_an_entity_may_use_the_folders_above_it_and_those_of_nobody(tmp_path: Path) -> None:
    files = {
        "catalog-info.yaml": entity("root"),
        "docs/index.md": "# Of the repository",
        "parts/a/catalog-info.yaml": entity("a", techdocs_ref="dir:../.."),
    }
    documents, failures, _ = await read(write_files(tmp_path / "mono", files))
    assert (told(documents), failures) == ([("component:default/a/", "guide")], [])
    files = {
        "all.yaml": entity("all", "Location"),
        "catalog/a.yaml": entity("a", techdocs_ref="dir:../site"),
        "site/docs/index.md": "# Of nobody",
    }
    documents, failures, _ = await read(write_files(tmp_path / "shared", files))
    assert (told(documents), failures) == ([("component:default/a/", "guide")], [])


async def test_pages_beside_other_entities_are_left_out(tmp_path: Path) -> None:
    files = {
        "catalog-info.yaml": entity("root", techdocs_ref="dir:."),
        "mkdocs.yml": "docs_dir: .",
        "guide.md": "# Guide",
        "bank/catalog-info.yaml": entity("bank"),
        "bank/plans.md": "# Secret plans",
        "bank/deep/plans.md": "# Secret plans",
    }
    root = write_files(tmp_path, files)
    (root / "leak.md").symlink_to(root / "bank/plans.md")
    documents, failures, [note] = await read(root)
    assert (told(documents), failures) == ([("component:default/root/guide/", "guide")], [])
    assert note.startswith("component:default/root: 2 pages are left out")


async def test_a_readme_belongs_to_the_first_entity_that_can_have_one(tmp_path: Path) -> None:
    text = "---\n".join([entity("team", "Group"), entity("shop"), entity("cart")])
    files = {"shop/catalog-info.yaml": text, "shop/ReadMe.md": "# Shop\n\nIt sells."}
    root = write_files(tmp_path, files)
    documents, failures, _ = await read(root, reads_readmes=True)
    assert told(documents) == [("component:default/shop/README.md", "readme")]
    assert documents[0].url == f"{APP_URL}/catalog/default/component/shop"
    assert failures == []
    assert (await read(root))[0] == []


@pytest.mark.parametrize(
    ("annotations", "url"),
    [
        ({"source_location": "url:https://git.example/shop/"}, "https://git.example/shop/"),
        ({"view_url": "https://git.example/shop/info"}, "https://git.example/shop/info"),
        ({"view_url": "javascript:alert(1)"}, f"{APP_URL}/catalog/default/component/shop"),
    ],
)
async def test_a_readme_leads_to_the_code(
    tmp_path: Path, annotations: dict[str, str], url: str
) -> None:
    files = {"a.yaml": entity("shop", **annotations), "README.md": "# Shop"}
    [document], _, _ = await read(write_files(tmp_path, files), reads_readmes=True)
    assert document.url == url


async def test_a_readme_that_is_a_page_of_the_docs_is_read_once(tmp_path: Path) -> None:
    files = {
        "a.yaml": entity("shop", techdocs_ref="dir:."),
        "mkdocs.yml": "docs_dir: .",
        "README.md": "# Shop",
    }
    documents, _, _ = await read(write_files(tmp_path, files), reads_readmes=True)
    assert [document.path for document in documents] == ["component:default/shop/"]


async def test_docs_that_cannot_be_read_keep_all_that_is_known(tmp_path: Path) -> None:
    files = {
        "a.yaml": entity("shop", techdocs_ref="dir:.", adr_location="docs/adr"),
        "mkdocs.yml": "nav: [",
        "docs/adr/0001-x.md": "# X",
        "README.md": "# Shop",
    }
    documents, [failure], _ = await read(write_files(tmp_path, files), reads_readmes=True)
    assert documents == []
    assert failure.covers("component:default/shop/adr/0001-x/")
    assert failure.covers("component:default/shop/README.md")
