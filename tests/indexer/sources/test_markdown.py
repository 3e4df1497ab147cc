"""Markdown is read as TechDocs would show it."""

from datetime import UTC, date, datetime
from textwrap import dedent

import pytest

from indexer.sources.html import read_sections
from indexer.sources.markdown import front_matter_date, read_markdown, split_front_matter
from portal_rag.corpus.documents import Block
from portal_rag.errors import InputError
from tests.indexer.sources.test_html import MATERIAL_PAGE


def blocks(text: str) -> list[Block]:
    return [block for section in read_markdown(dedent(text)) for block in section.blocks]


def texts(text: str) -> list[str]:
    return [block.text for block in blocks(text)]


def test_headings_have_the_ids_of_the_built_site() -> None:
    sections = read_markdown("# Runbook\n\n## Roll back a *release*\n\n## Again\n\n## Again\n")
    assert [(s.title, s.level, s.anchor) for s in sections] == [
        ("Runbook", 1, ""),
        ("Roll back a release", 2, "roll-back-a-release"),
        ("Again", 2, "again"),
        ("Again", 2, "again_1"),
    ]


def test_code_inside_a_list_interrupts_it_without_ending_its_numbers() -> None:
    assert blocks("1. First\n2. Run\n\n    ```bash\n    a\n      b\n    ```\n\n3. Last\n") == [
        Block(kind="text", text="1. First\n2. Run"),
        Block(kind="code", text="a\n  b"),
        Block(kind="text", text="3. Last"),
    ]


def test_a_page_reads_the_same_as_the_one_that_techdocs_built_of_it() -> None:
    text = """\
        # Runbook

        Parcels are **labelled** here,
        and handed over.

        ## Restart

        1. Stop the `labeller`.
        2. Start it again:

            ```bash
            cd /srv
              run --fast
            ```

        3. Watch it.

        | State | Meaning |
        |---|---|
        | stuck | ask `#parcels` |

        !!! warning "Careful"
            Labels are not unique.
        """
    assert read_markdown(dedent(text)) == read_sections(MATERIAL_PAGE)


def test_two_spaces_nest_a_list() -> None:
    assert texts("- a\n  - b\n") == ["- a\n  - b"]


def test_code_options_are_no_text_and_its_title_is() -> None:
    assert texts('```python title="app.py" linenums="1"\nx = 1\n```\n') == ["app.py", "x = 1"]


def test_admonitions_keep_their_title() -> None:
    assert texts('!!! danger "Not twice"\n    It charges again.\n') == [
        "Not twice\nIt charges again."
    ]


@pytest.mark.parametrize(
    ("alert", "title"),
    [("[!NOTE]", "Note"), ("[!caution]", "Caution"), ("[!TIP] Try this", "Try this")],
)
def test_alerts_of_github_are_admonitions(alert: str, title: str) -> None:
    assert texts(f"> {alert}\n> Read\n> on.\n") == [f"{title}\nRead on."]


def test_a_table_is_one_block() -> None:
    assert blocks("| a | b |\n|---|---|\n| `c` | d |\n") == [
        Block(kind="table", text="a | b\nc | d")
    ]


def test_a_snippet_does_not_pull_in_another_file() -> None:
    [text] = texts(f'--8<-- "{__file__}"\n')
    assert __file__ in text


def test_front_matter_is_taken_off() -> None:
    front_matter, text = split_front_matter("---\ntitle: Kafka\ndate: 2026-01-02\n---\n# Text\n")
    assert front_matter == {"title": "Kafka", "date": date(2026, 1, 2)}
    assert text == "# Text\n"


@pytest.mark.parametrize("text", ["# Text\n", "---\n- a\n---\ntext", "---\n\ntext without an end"])
def test_what_is_no_front_matter_stays_in_the_text(text: str) -> None:
    assert split_front_matter(text) == ({}, text)


def test_empty_front_matter_stays_a_pair_of_rules() -> None:
    assert split_front_matter("---\n---\ntext") == ({}, "---\n---\ntext")


@pytest.mark.parametrize("broken", ["a: [1", "date: 2026-13-45"])
def test_broken_front_matter_is_reported(broken: str) -> None:
    with pytest.raises(InputError, match="front matter"):
        split_front_matter(f"---\n{broken}\n---\ntext")


@pytest.mark.parametrize(
    ("front_matter", "expected"),
    [
        ({"last_reviewed": date(2026, 1, 2), "date": date(2020, 1, 1)}, date(2026, 1, 2)),
        ({"updated": datetime(2026, 1, 2, 3, tzinfo=UTC)}, date(2026, 1, 2)),
        ({"date": "some day"}, None),
        ({}, None),
    ],
)
def test_the_front_matter_may_say_when_the_page_was_reviewed(
    front_matter: dict[str, object], expected: date | None
) -> None:
    assert front_matter_date(front_matter) == expected
