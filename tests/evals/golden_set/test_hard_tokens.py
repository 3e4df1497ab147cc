import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.golden_set.hard_tokens import hard_tokens, holds, ungrounded
from tests.evals.golden_set.made_up import SHOP, answer, source


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It is owned by `group:default/team-shop` [1].", ["group:default/team-shop"]),
        ("Owned by Group:default/Team-Shop.", ["group:default/team-shop"]),
        ("Set `MAX_RETRIES` first [2] [3].", ["max_retries"]),
        ("Since 2023-02-14, v1.2.3 at 14:05 (99.5%)", ["2023-02-14", "v1.2.3", "14:05", "99.5%"]),
        ("[the code](https://git.example/a_b/shop) [1]", ["https://git.example/a_b/shop"]),
        ("See https://x.example/y.", ["https://x.example/y"]),
        (
            "Look in environments/staging/rds or /etc/shop.",
            ["environments/staging/rds", "/etc/shop"],
        ),
        ("> 1. Stop it.\n> 2. Wait 30 s.", ["30"]),
        ("Read and/or write, e.g. now: nothing hard.", []),
        ("inc\\-117 was \\[1\\] of them", ["inc-117", "1"]),
        ("No number, no name.", []),
    ],
)
def test_hard_tokens_are_what_can_be_made_up(text: str, tokens: list[str]) -> None:
    assert list(hard_tokens(text)) == tokens


@pytest.mark.parametrize(
    ("text", "token", "is_there"),
    [
        ("port 8080 is open", "8080", True),
        ("port 18080 is open", "8080", False),
        ("it takes 1.5 s", "5", False),
        ("it takes 1,500 s", "500", False),
        ("it takes 5.", "5", True),
        ("team-shop", "shop", True),
        ("workshop", "shop", False),
        ("see https://x.example/y/z", "https://x.example/y", True),
    ],
)
def test_a_token_is_not_found_within_a_longer_one(text: str, token: str, is_there: bool) -> None:
    assert holds(text, token) is is_there


@given(st.lists(st.sampled_from(["`a-1`", "17", "https://x.example/1", "word", "\\[", "[1]", "/"])))
def test_any_text_that_a_source_holds_is_grounded(words: list[str]) -> None:
    text = " ".join(words)
    got = answer(answer=f"{text} [1]", sources=[source(excerpt=text)])
    assert ungrounded(got, "") == ()


def test_what_the_asker_said_is_grounded() -> None:
    got = answer(answer="I found nothing newer than 2020-01-01 [1].")
    assert ungrounded(got, "what changed since 2020-01-01?") == ()
    assert ungrounded(got, "what changed?") == ("2020-01-01",)


def test_choices_that_are_offered_need_no_source() -> None:
    text = "Do you mean `component:eu/shop`?"
    offer = {"kind": "ask", "label": "Ask about component:eu/shop", "question": "?"}
    got = answer(status="clarify", answer=text, sources=[], followUps=[offer])
    assert ungrounded(got, "Who owns it?") == ()
    assert ungrounded(got | {"status": "answered"}, "Who owns it?") == ("component:eu/shop",)


def test_what_was_asked_for_and_not_found_may_be_named_by_its_reference() -> None:
    text = f"I could not find a runbook of **Shop** (`{SHOP}`)."
    got = answer(status="partial", answer=text, sources=[])
    assert ungrounded(got, "Where is the runbook of shop?") == ()
    assert ungrounded(got, "Where is the runbook?") == (SHOP,)
