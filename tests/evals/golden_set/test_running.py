import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from evals.cli import main
from evals.golden_set.asking import AskingError, nobody_signs_in, open_asker, token_command
from evals.golden_set.records import read_record
from tests.evals.golden_set.made_up import case
from tests.evals.golden_set.shop_service import ShopService
from tests.fakes.loopback import LoopbackServer

CASES = """
- id: own-1
  question: Who owns shop?
  asker: user:default/alice
  expect: {outcome: answer, facts: ["group:default/team-shop"], required_sources: ["catalog:component:default/shop"]}
  intent: owner
  tags: [ownership]
  critical: true
- id: none-1
  question: Who owns ghost?
  history: [{role: user, content: hello}]
  entity_ref: component:default/till
  expect: {outcome: refuse, refusal_reason: not_found}
  tags: [refusal]
"""  # noqa: E501
WRONG = CASES.replace("team-shop", "team-till")


@pytest.fixture
def service() -> ShopService:
    return ShopService()


@pytest.fixture
def url(service: ShopService) -> Iterator[str]:
    server = LoopbackServer(service.app)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    path = tmp_path / "cases.yaml"
    path.write_text(CASES, encoding="utf-8")
    return path


@pytest.fixture
def sign_in(tmp_path: Path) -> str:
    """Write a command whose tokens have another version each time."""
    script = tmp_path / "token.sh"
    script.write_text(
        f'echo x >> {tmp_path}/calls\necho "token-$1-$(wc -l < {tmp_path}/calls | tr -d " ")"\n'
    )
    return f"sh {script} {{user}}"


def invoke(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_run_asks_judges_and_writes_what_it_found(
    service: ShopService, url: str, golden: Path, tmp_path: Path
) -> None:
    out, junit = tmp_path / "out", tmp_path / "junit.xml"
    shown = invoke("run", golden, "--url", url, "--auth", "none", "--out", out, "--junit", junit)
    assert shown.exit_code == 0, shown.output
    assert "2 of 2 cases passed, 0 skipped" in shown.output
    assert "outcome_accuracy" in shown.output
    record = read_record(out / "run.json")
    assert [each.passed for each in record.cases] == [True, True]
    assert record.fingerprints["settings"] == {"url": url}
    assert len(record.fingerprints["harness"]["files"]) == 64
    assert record.fingerprints["code"] is None
    assert "own-1" in (out / "report.html").read_text(encoding="utf-8")
    assert 'name="none-1"' in junit.read_text(encoding="utf-8")
    assert service.asked[1] == (
        None,
        {
            "question": "Who owns ghost?",
            "entityRef": "component:default/till",
            "history": [{"role": "user", "content": "hello"}],
        },
    )


def test_two_runs_differ_in_ids_and_times_alone(url: str, golden: Path, tmp_path: Path) -> None:
    records = []
    for name in ("one", "two"):
        invoke("run", golden, "--url", url, "--auth", "none", "--out", tmp_path / name)
        record = json.loads((tmp_path / name / "run.json").read_text(encoding="utf-8"))
        for volatile in ("run_id", "started_at", "took_seconds"):
            record.pop(volatile)
        record["metrics"] = {k: v for k, v in record["metrics"].items() if "latency" not in k}
        for each in record["cases"]:
            each.pop("seconds")
        records.append(record)
    assert records[0] == records[1]


def test_a_broken_gate_fails_the_run_and_names_what_was_wrong(url: str, golden: Path) -> None:
    golden.write_text(WRONG, encoding="utf-8")
    shown = invoke("run", golden, "--url", url, "--auth", "none")
    assert shown.exit_code == 1
    assert "gate 0.95: BROKEN" in shown.output
    assert "failed own-1 (critical): Who owns shop?" in shown.output
    gates = golden.with_name("gates.yaml")
    gates.write_text("fact_accuracy: 1.0\nentity_accuracy: 0.5\n", encoding="utf-8")
    shown = invoke("run", golden, "--url", url, "--auth", "none", "--gates", gates)
    assert shown.exit_code == 1
    assert "gate 1: BROKEN" in shown.output
    assert "not measured gate 0.5: BROKEN" in shown.output


def test_each_case_is_asked_as_its_asker(
    service: ShopService, url: str, golden: Path, sign_in: str
) -> None:
    service.accepted = {"1", "2"}
    invoke("run", golden, "--url", url, "--token-command", sign_in)
    assert [token for token, _ in service.asked] == [
        "Bearer token-alice-1",
        "Bearer token-guest-2",
    ]


def test_a_token_that_expired_is_replaced_once(
    service: ShopService, url: str, sign_in: str
) -> None:
    asker = open_asker(url, token_command(sign_in), "user:default/guest")
    with asker.client:
        assert asker.ask(case()).problem == ""
        service.accepted = {"2"}
        assert asker.ask(case()).problem == ""
        service.accepted = set()
        assert asker.ask(case()).problem == "401 the token has expired"
    assert len(service.asked) == 5


def test_a_question_that_fails_is_a_failed_case(url: str) -> None:
    asker = open_asker(url, nobody_signs_in, "user:default/guest")
    with asker.client:
        asked = asker.ask(case(question="Is shop broken?"))
    assert (asked.answer, asked.problem) == (None, "500 oh dear")
    gone = open_asker(url.rpartition(":")[0] + ":1", nobody_signs_in, "user:default/guest")
    with gone.client:
        assert gone.ask(case()).problem.startswith("no answer: ConnectError")


@pytest.mark.parametrize("command", ["false", "true", "no-such-program {ref}"])
def test_a_user_who_cannot_sign_in_ends_the_run(url: str, golden: Path, command: str) -> None:
    shown = invoke("run", golden, "--url", url, "--token-command", command)
    assert shown.exit_code == 2
    assert "user:default/alice" in shown.output


def test_a_token_command_may_want_the_whole_reference() -> None:
    assert token_command("echo '{ref}'")("user:eu/bob") == "user:eu/bob"
    with pytest.raises(AskingError, match="exit code 1"):
        token_command("false")("user:eu/bob")


def test_what_was_understood_comes_from_the_audit_log(
    url: str, golden: Path, tmp_path: Path
) -> None:
    audit = tmp_path / "audit.jsonl"
    audit.write_text('{"answerId": "01J0", "intent": {"topics": ["owner"]}, "entities": []}\n')
    shown = invoke("run", golden, "--url", url, "--auth", "none", "--audit-log", audit)
    assert "intent_accuracy                            1" in shown.output


def test_part_of_the_cases_has_no_gates(url: str, golden: Path) -> None:
    shown = invoke("run", golden, "--url", url, "--auth", "none", "--tag", "refusal")
    assert shown.exit_code == 0
    assert "1 of 1 cases passed" in shown.output
    assert "gate" not in shown.output
    assert invoke("run", golden, "--url", url, "--auth", "none", "--case", "x").exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "either a service with --url"),
        (["--url", "http://127.0.0.1:1"], "how askers sign in"),
        (["--url", "http://127.0.0.1:1", "--auth", "none", "--portal"], "--portal starts"),
        (["--url", "http://127.0.0.1:1", "--auth", "none"], "does not answer"),
        (["--url", "http://127.0.0.1:port", "--auth", "none"], "is no URL"),
        (["--content", ".", "--gates", "/dev/null"], "must be pairs"),
    ],
)
def test_what_cannot_be_asked_is_said_with_exit_code_2(
    golden: Path, words: list[str], said: str
) -> None:
    shown = invoke("run", golden, *words)
    assert shown.exit_code == 2
    assert said in shown.output


def test_a_service_that_is_not_ready_is_not_asked(
    service: ShopService, url: str, golden: Path
) -> None:
    service.is_ready = False
    shown = invoke("run", golden, "--url", url, "--auth", "none")
    assert (shown.exit_code, service.asked) == (2, [])
    assert "is not ready" in shown.output


def test_lint_compare_and_report_are_commands(url: str, golden: Path, tmp_path: Path) -> None:
    assert invoke("lint", golden).output == "2 cases (1 answer, 1 refuse), 0 problems\n"
    assert invoke("lint", golden, "--content", tmp_path).exit_code == 1
    good, bad = tmp_path / "good", tmp_path / "bad"
    invoke("run", golden, "--url", url, "--auth", "none", "--out", good)
    record = json.loads((good / "run.json").read_text(encoding="utf-8"))
    record["cases"][0] |= {"passed": False, "notes": ["facts: lacks it"]}
    bad.mkdir()
    (bad / "run.json").write_text(json.dumps(record), encoding="utf-8")

    html = tmp_path / "compared.html"
    runs = good / "run.json", bad / "run.json"
    shown = invoke("compare", *runs, "--html", html)
    assert shown.exit_code == 1
    assert "worse  own-1 (critical)" in shown.output
    assert "FAILED: own-1 is critical, and fails now: facts: lacks it" in shown.output
    assert "fails now" in html.read_text(encoding="utf-8")
    assert invoke("compare", *reversed(runs)).exit_code == 0

    shown = invoke("report", runs[1], "--against", runs[0])
    assert shown.output == f"{bad / 'report.html'}\n"
    assert "fails now" in (bad / "report.html").read_text(encoding="utf-8")
    assert invoke("report", golden).exit_code == 2


def test_harvest_is_a_command(tmp_path: Path) -> None:
    feedback, out = tmp_path / "feedback.jsonl", tmp_path / "drafts.yaml"
    feedback.write_text('{"question": "Who?", "rating": "down", "answerId": "1"}\n')
    assert "question: Who?" in invoke("harvest", feedback).output
    assert invoke("harvest", feedback, "--out", out).output == f"1 drafts in {out}\n"
    assert invoke("lint", out).exit_code == 1
