"""A docs folder is seen as MkDocs sees it."""

from pathlib import Path

import pytest

from indexer.sources.mkdocs_site import Site, SitePage, file_title, read_site
from portal_rag.errors import InputError
from tests.indexer.building import write_files


def test_pages_of_the_navigation_come_first_with_their_titles(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "mkdocs.yml": """\
                site_name: Parcels
                nav:
                  - Start: index.md
                  - Operations:
                      - Runbook: ops/runbook.md
                      - ./ops/plain.md
                  - Elsewhere: https://example.com
                  - Missing: gone.md
                  - 7
                """,
            "docs/index.md": "# Parcels",
            "docs/ops/runbook.md": "# Runbook",
            "docs/ops/plain.md": "# Plain",
            "docs/about.md": "# About",
            "docs/data.json": "{}",
        },
    )
    docs = tmp_path / "docs"
    assert read_site(tmp_path, tmp_path) == Site(
        name="Parcels",
        pages=(
            SitePage(file=docs / "index.md", location="", nav_title="Start"),
            SitePage(file=docs / "ops/runbook.md", location="ops/runbook/", nav_title="Runbook"),
            SitePage(file=docs / "ops/plain.md", location="ops/plain/", nav_title=None),
            SitePage(file=docs / "about.md", location="about/", nav_title=None),
        ),
    )


@pytest.mark.parametrize(
    ("file", "location"),
    [
        ("index.md", ""),
        ("README.md", ""),
        ("a/index.md", "a/"),
        ("a/README.md", "a/"),
        ("a/My Page.md", "a/My%20Page/"),
        ("v1.2.md", "v1.2/"),
        ("x.markdown", "x/"),
    ],
)
def test_a_page_has_the_location_of_its_directory(tmp_path: Path, file: str, location: str) -> None:
    write_files(tmp_path, {f"docs/{file}": "# X"})
    [page] = read_site(tmp_path, tmp_path).pages
    assert page.location == location


@pytest.mark.parametrize(("file", "location"), [("index.md", "index.html"), ("a/b.md", "a/b.html")])
def test_a_site_may_be_built_without_directories(tmp_path: Path, file: str, location: str) -> None:
    write_files(tmp_path, {"mkdocs.yml": "use_directory_urls: false", f"docs/{file}": "# X"})
    [page] = read_site(tmp_path, tmp_path).pages
    assert page.location == location


def test_a_readme_gives_way_to_an_index(tmp_path: Path) -> None:
    write_files(tmp_path, {"docs/index.md": "# X", "docs/README.md": "# Y"})
    assert [page.file.name for page in read_site(tmp_path, tmp_path).pages] == ["index.md"]


def test_hidden_files_are_no_pages(tmp_path: Path) -> None:
    write_files(tmp_path, {"docs/.x.md": "# X", "docs/.git/y.md": "# Y", "docs/z.md": "# Z"})
    assert [page.location for page in read_site(tmp_path, tmp_path).pages] == ["z/"]


def test_the_pages_may_be_in_another_folder(tmp_path: Path) -> None:
    write_files(tmp_path, {"mkdocs.yaml": "docs_dir: text", "text/a.md": "# A"})
    assert [page.location for page in read_site(tmp_path, tmp_path).pages] == ["a/"]


@pytest.mark.parametrize(
    ("file", "location", "title"),
    [
        ("index.md", "", "Home"),
        ("a/how-to_go.md", "a/how-to_go/", "How to go"),
        ("ADR.md", "ADR/", "ADR"),
    ],
)
def test_a_page_that_nothing_names_is_called_after_its_file(
    file: str, location: str, title: str
) -> None:
    assert file_title(SitePage(file=Path(file), location=location, nav_title=None)) == title


@pytest.mark.parametrize(
    "configuration",
    ["nav: [", "- a list", "docs_dir: missing", "docs_dir: ../outside", "docs_dir: docs/a.md"],
)
def test_a_broken_configuration_is_reported(tmp_path: Path, configuration: str) -> None:
    write_files(
        tmp_path,
        {"site/mkdocs.yml": configuration, "site/docs/a.md": "# A", "outside/a.md": "# B"},
    )
    with pytest.raises(InputError):
        read_site(tmp_path / "site", tmp_path / "site")


def test_tags_that_name_code_do_not_stop_the_reading(tmp_path: Path) -> None:
    configuration = (
        "site_name: Parcels\nmarkdown_extensions:\n"
        "  - pymdownx.emoji:\n      emoji_index: !!python/name:material.extensions.emoji.twemoji\n"
    )
    write_files(tmp_path, {"mkdocs.yml": configuration, "docs/a.md": "# A"})
    assert read_site(tmp_path, tmp_path).name == "Parcels"


@pytest.mark.parametrize("folder", ["missing", "../elsewhere"])
def test_a_folder_that_is_missing_or_outside_is_reported(tmp_path: Path, folder: str) -> None:
    root = write_files(tmp_path / "root", {"a.txt": ""})
    write_files(tmp_path, {"elsewhere/docs/a.md": "# A"})
    with pytest.raises(InputError):
        read_site(root / folder, root)
