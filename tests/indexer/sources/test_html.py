"""What a reader sees of a page becomes sections of plain text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sources.html import read_sections
from portal_rag.corpus.documents import Block, Section
from portal_rag.errors import InputError

MATERIAL_PAGE = """<!doctype html><html><head><title>Runbook - Parcels</title></head><body>
<header><nav>Parcels Home Runbook</nav></header>
<main><article class="md-content__inner md-typeset">
<a href="https://git.example/edit" title="Edit this page" class="md-content__button md-icon">
<svg><path d="M10 20"/></svg></a>
<h1 id="runbook">Runbook<a class="headerlink" href="#runbook" title="Permanent link">&para;</a></h1>
<p>Parcels are <strong>labelled</strong> here,
and handed over.</p>
<h2 id="restart">Restart<a class="headerlink" href="#restart">&para;</a></h2>
<ol>
<li>Stop the <code>labeller</code>.</li>
<li>
<p>Start it again:</p>
<div class="language-bash highlight"><table class="highlighttable"><tr><td class="linenos">
<div class="linenodiv"><pre><span></span><span class="normal">1</span>
<span class="normal">2</span></pre></div></td><td class="code"><div><pre><span></span><code>\
<span class="nb">cd</span> /srv
  <span class="w">run --fast</span>
</code></pre></div></td></tr></table></div>
</li>
<li>Watch it.</li>
</ol>
<table><thead><tr><th>State</th><th>Meaning</th></tr></thead>
<tbody><tr><td>stuck</td><td>ask <code>#parcels</code></td></tr></tbody></table>
<div class="admonition warning"><p class="admonition-title">Careful</p>
<p>Labels are not unique.</p></div>
</article></main><footer>Made with MkDocs</footer><script>track()</script></body></html>"""


def text(words: str) -> Block:
    return Block(kind="text", text=words)


def article(inner: str) -> tuple[Section, ...]:
    return read_sections(f'<article class="md-content__inner">{inner}</article>')


def blocks(inner: str) -> tuple[Block, ...]:
    [section] = article(inner)
    return section.blocks


def test_a_page_of_the_techdocs_theme_becomes_its_sections() -> None:
    assert read_sections(MATERIAL_PAGE) == (
        Section(
            title="Runbook",
            level=1,
            anchor="",
            blocks=(text("Parcels are labelled here, and handed over."),),
        ),
        Section(
            title="Restart",
            level=2,
            anchor="restart",
            blocks=(
                text("1. Stop the labeller.\n2. Start it again:"),
                Block(kind="code", text="cd /srv\n  run --fast"),
                text("3. Watch it."),
                Block(kind="table", text="State | Meaning\nstuck | ask #parcels"),
                text("Careful\nLabels are not unique."),
            ),
        ),
    )


def test_a_page_of_another_theme_is_read_without_what_stands_around_it() -> None:
    html = "<body><header>Site</header><nav>Home</nav><h1>Title</h1><p>Text</p><footer>F</footer>"
    [section] = read_sections(html)
    assert (section.title, section.blocks) == ("Title", (text("Text"),))


def test_text_before_the_first_heading_is_a_section_without_a_title() -> None:
    first, second = article("<p>Intro.</p><h1 id='a'>A</h1><p>Text.</p>")
    assert (first.title, first.anchor, first.blocks) == ("", "", (text("Intro."),))
    assert (second.title, second.anchor) == ("A", "a")


def test_nested_lists_are_indented_and_numbered_from_their_start() -> None:
    [block] = blocks(
        "<ol start='3'><li>third<ul><li>inner</li><li><p>more</p><p>text</p></li></ul></li>"
        "<li>fourth</li></ol>"
    )
    assert block.text == "3. third\n  - inner\n  - more\n    text\n4. fourth"


def test_check_boxes_say_whether_they_are_checked() -> None:
    [block] = blocks(
        '<ul><li><label><input type="checkbox" checked></label> done</li>'
        '<li><label><input type="checkbox"></label> open</li></ul>'
    )
    assert block.text == "- [x] done\n- [ ] open"


def test_images_are_their_alternative_text_and_line_breaks_stay() -> None:
    [block] = blocks('<p>See <img src="x.png" alt="the diagram">,<br>then go.</p>')
    assert block.text == "See the diagram,\nthen go."


def test_tabs_definitions_quotes_and_folded_parts_are_read() -> None:
    found = blocks(
        '<div class="tabbed-set"><input type="radio" checked><div class="tabbed-labels">'
        "<label>Linux</label><label>Mac</label></div><p>apt</p></div>"
        "<dl><dt>Term</dt><dd>Meaning</dd></dl><blockquote><p>Said</p></blockquote>"
        "<details><summary>Fold</summary><p>Inside</p></details>"
    )
    assert [block.text for block in found] == [
        "Linux Mac",
        "apt",
        "Term\nMeaning",
        "Said",
        "Fold\nInside",
    ]


def test_cells_keep_to_one_line_and_empty_rows_vanish() -> None:
    [block] = blocks("<table><tr><td>a<br>b</td><td><p>c</p></td></tr><tr><td></td></tr></table>")
    assert block == Block(kind="table", text="a b | c")


def test_empty_blocks_leave_nothing() -> None:
    assert article("<p> </p><pre> \n</pre><table></table><ul><li></li></ul><hr>") == ()


def test_an_empty_list_item_does_not_mark_the_next_paragraph() -> None:
    assert blocks("<ul><li></li></ul><p>Text</p>") == (text("Text"),)


def test_no_page_at_all_has_no_sections() -> None:
    assert read_sections("") == ()


def test_markup_nested_without_end_is_still_read() -> None:
    deep = "<div>" * 5_000 + "bottom" + "</div>" * 5_000
    assert "bottom" in blocks(deep)[0].text
    assert "bottom" in blocks("<p>" + "<b>" * 400 + "bottom")[0].text


@given(st.lists(st.sampled_from(["<p>", "</p>", "<ul>", "<li>", "</ul>", "<pre>", "</pre>"])))
def test_whatever_the_markup_the_words_stay_in_order(tags: list[str]) -> None:
    html = "".join(f"{tag} w{number}x " for number, tag in enumerate(tags))
    found = "".join(block.text for section in article(html) for block in section.blocks)
    assert re.findall(r"w\d+x", found) == [f"w{number}x" for number in range(len(tags))]


@pytest.mark.parametrize(
    "before", ["", '<!-- <p a=" -->', '<script>a<b x=" </script>', "<p>a < b</p>"]
)
@pytest.mark.parametrize("value", ["=1", "='>'", ""])
def test_a_tag_of_very_many_attributes_is_refused(before: str, value: str) -> None:
    attributes = " ".join(f"a{number}{value}" for number in range(200_000))
    with pytest.raises(InputError, match="more than 1000 attributes"):
        read_sections(f"{before}<p {attributes}>x</p>")


@pytest.mark.parametrize(
    "part", ["<!--", "<p>", "<script>", "</", "<title>a</titl", '<p a=" x">', "<"]
)
def test_tags_without_end_are_read_in_one_pass(part: str) -> None:
    read_sections(part * (100_000 // len(part)))


def test_a_large_picture_is_no_tag_of_many_attributes() -> None:
    picture = "aB3/" * 100_000
    [section] = read_sections(f'<p>a <img alt="map" src="data:image/png;base64,{picture}"> b</p>')
    assert section.blocks[0].text == "a map b"


def test_a_word_break_that_nobody_sees_splits_nothing() -> None:
    [section] = read_sections("<p>left\u200bright</p><p>\u200b</p>")
    assert [block.text for block in section.blocks] == ["leftright"]
