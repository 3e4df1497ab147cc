"""A site's search index names its pages, and holds their text if need be."""

from indexer.sources.search_index import IndexedPage, pages_of
from portal_rag.backstage.techdocs import IndexedSection
from portal_rag.corpus.documents import Block, Section


def entry(location: str, title: str, text: str) -> IndexedSection:
    return IndexedSection(location=location, title=title, text=text, tags=())


def section(title: str, *texts: str, level: int = 2, anchor: str = "") -> Section:
    blocks = tuple(Block(kind="text", text=text) for text in texts)
    return Section(title=title, level=level, anchor=anchor, blocks=blocks)


def test_entries_are_grouped_by_page_in_their_order() -> None:
    pages = pages_of(
        [
            entry("", "Home", "Parcels ¶ Intro."),
            entry("#parcels", "Parcels", "Intro."),
            entry("ops/runbook/", "Runbook", "Restart"),
        ]
    )
    assert [(page.location, page.title) for page in pages] == [
        ("", "Home"),
        ("ops/runbook/", "Runbook"),
    ]


def test_the_home_page_may_be_called_a_dot() -> None:
    assert [page.location for page in pages_of([entry(".", "A", ""), entry("./x/", "B", "")])] == [
        "",
        "x/",
    ]


def test_a_page_whose_entry_repeats_its_sections_is_told_by_them() -> None:
    [page] = pages_of(
        [
            entry("x/", "X", "Intro. Restart ¶ Drain &amp; run."),
            entry("x/#restart", "Restart ¶", "Drain &amp; run."),
            entry("x/#later", "Later", ""),
        ]
    )
    assert page == IndexedPage(
        location="x/",
        title="X",
        sections=(
            section("Restart", "Drain & run.", anchor="restart"),
            section("Later", anchor="later"),
        ),
    )


def test_a_page_without_sections_is_told_by_its_own_entry() -> None:
    [page] = pages_of([entry("x/", "X", "Only ¶ this")])
    assert page.sections == (section("X", "Only this", level=1),)


def test_entries_of_materials_plugin_hold_markup_and_repeat_nothing() -> None:
    [page] = pages_of(
        [
            entry("x/", "X", "<p>Intro.</p>"),
            entry("x/#run", "Run", "<p>Do:</p><pre><code>a\n b</code></pre>"),
        ]
    )
    run = (Block(kind="text", text="Do:"), Block(kind="code", text="a\n b"))
    assert page.sections == (
        section("X", "Intro.", level=1),
        Section(title="Run", level=2, anchor="run", blocks=run),
    )


def test_a_section_whose_page_has_no_entry_still_names_its_page() -> None:
    [page] = pages_of([entry("x/#a", "A", "Text.")])
    assert (page.location, page.title) == ("x/", "A")


def test_an_entry_that_says_nothing_leaves_nothing() -> None:
    [page] = pages_of([entry("x/", "", "")])
    assert page.sections == ()


def test_hostile_entries_come_to_an_end_and_are_bounded() -> None:
    texts = ("x" + " " * 900_000 + "y", "<p " * 300_000, "word " * 400_000)
    pages = pages_of([entry(f"{n}/", "X", text) for n, text in enumerate(texts)])
    [first, _, last] = pages
    assert first.sections == (section("X", "x y", level=1),)
    assert len(last.sections[0].blocks[0].text) == 999_999


def test_permalinks_go_with_the_space_before_them() -> None:
    [page] = pages_of([entry("x/", "X  ¶", "Restart  ¶. Drain")])
    assert page.sections == (section("X", "Restart. Drain", level=1),)
