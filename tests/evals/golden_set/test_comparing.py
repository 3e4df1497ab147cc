from evals.golden_set.cases import Case
from evals.golden_set.comparing import compare
from evals.golden_set.records import RunRecord
from tests.evals.golden_set.made_up import answer, case, nothing_found, record, run_of


def cases(count: int, **changed: object) -> list[Case]:
    return [
        case(id=f"c{n}", also={"required_sources": (f"catalog:component:default/s{n}",)}, **changed)
        for n in range(count)
    ]


def run(asked: list[Case], right: int) -> RunRecord:
    """The first `right` cases pass; of the others the source is wrong."""
    sources = [
        each.model_copy(update={"expect": each.expect.model_copy(update={"required_sources": ()})})
        for each in asked
    ]
    return run_of(
        *(
            record(each, answer() if place < right else nothing_found())
            for place, each in enumerate(sources)
        )
    )


def test_equal_runs_may_replace_each_other() -> None:
    comparison = compare(run(cases(5), 4), run(cases(5), 4))
    assert comparison.flips == ()
    assert comparison.failures == ()


def test_one_lost_case_among_many_is_shown_and_allowed() -> None:
    comparison = compare(run(cases(30), 30), run(cases(30), 29))
    (flip,) = comparison.flips
    assert (flip.case_id, flip.turned, flip.critical) == ("c29", "worse", False)
    assert "outcome: insufficient_evidence, not answer" in flip.why
    assert comparison.failures == ()


def test_many_lost_cases_fail_the_newer_run() -> None:
    comparison = compare(run(cases(30), 30), run(cases(30), 18))
    assert comparison.deltas["cases passed"].is_certainly_worse
    (failure,) = comparison.failures
    assert "fell by 40.0%" in failure
    assert compare(run(cases(30), 18), run(cases(30), 30)).failures == ()


def test_one_critical_case_fails_the_newer_run() -> None:
    (failure,) = compare(run(cases(30, critical=True), 30), run(cases(30), 29)).failures
    assert failure.startswith("c29 is critical, and fails now")


def test_a_critical_case_that_is_gone_fails_the_newer_run() -> None:
    older = run(cases(3, critical=True), 2)
    (failure,) = compare(older, run(cases(3)[1:], 2)).failures
    assert failure.startswith("c0 is critical, passed, and is not compared")
    assert compare(older, run(cases(3)[:2], 2)).lost == ("c2",)


def test_a_case_with_another_expectation_is_not_compared() -> None:
    older = run_of(record(case(critical=True), answer()))
    easier = case(critical=True, expect={"outcome": "answer"})
    comparison = compare(older, run_of(record(easier, answer())))
    assert comparison.changed == ("own-1",)
    assert comparison.deltas["cases passed"].count == 0
    assert comparison.failures == ()
    assert len(compare(older, run_of(record(easier, nothing_found()))).failures) == 1


def test_new_cases_are_named() -> None:
    assert compare(run(cases(1), 1), run(cases(2), 2)).added == ("c1",)
