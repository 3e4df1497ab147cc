"""Secrets leave a text, everything else stays; all secrets here are drawn when the test runs."""

import base64
import random
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.secrets import Format, formats
from portal_rag.corpus.redaction import SecretFound, redact
from portal_rag.corpus.redaction.likeness import entropy
from portal_rag.corpus.redaction.rules import CONTEXTS, TOKENS

ALNUM = string.ascii_letters + string.digits
RULES = (*TOKENS.rules, *CONTEXTS.rules)


def drawn(alphabet: str = ALNUM, length: int = 36, *, seed: int = 7) -> str:
    chooser = random.Random(f"{seed} {length}")  # noqa: S311  (made-up secrets keep nothing safe)
    return "".join(chooser.choices(alphabet, k=length))


GITHUB = "ghp" + "_" + drawn()


def made(form: Format, seed: int) -> str:
    return form.make(lambda alphabet, length: drawn(alphabet, length, seed=seed))


@pytest.mark.parametrize("form", formats(), ids=lambda form: form.name)
@pytest.mark.parametrize("seed", range(5))
def test_each_published_format_is_taken_out_of_prose(form: Format, seed: int) -> None:
    secret = made(form, seed)
    text = form.prose.format(secret)
    redacted = redact(text)
    assert redacted.findings
    assert redacted.text.startswith(text.partition(secret)[0].split()[0])
    assert not any(line in redacted.text for line in secret.splitlines()[1:-1] or [secret])


def test_the_marker_names_the_kind_and_the_rest_stays() -> None:
    redacted = redact(f"Use `{GITHUB}`, then restart.")
    assert redacted.text == "Use `[redacted github-token]`, then restart."
    assert redacted.findings == (SecretFound(rule="github-token", start_line=1),)


def test_each_secret_is_found_at_its_line_from_top_to_bottom() -> None:
    npm = "npm" + "_" + drawn(seed=8)
    redacted = redact(f"one\ntwo {npm}\n{GITHUB} and {GITHUB}\n")
    assert [(found.rule, found.start_line) for found in redacted.findings] == [
        ("npm-token", 2),
        ("github-token", 3),
        ("github-token", 3),
    ]


def test_what_is_reported_never_holds_the_secret() -> None:
    redacted = redact(f"password: {GITHUB}")
    assert drawn() not in repr(redacted)


def test_a_private_key_goes_with_its_body_and_keeps_its_lines() -> None:
    body = [drawn(length=64, seed=seed) for seed in range(3)]
    begin, end = ("-----" + f"{word} RSA PRIVATE KEY-----" for word in ("BEGIN", "END"))
    header = ["Proc-Type: 4,ENCRYPTED", ""]
    text = "\n".join(["before", begin, *header, *body, drawn(length=9), end, "after"])
    redacted = redact(text)
    assert redacted.text == "before\n[redacted private-key]" + "\n" * 8 + "after"
    assert redacted.findings == (SecretFound(rule="private-key", start_line=2),)


def test_a_private_key_in_one_line_goes_too() -> None:
    lines = ["-----" + "BEGIN PRIVATE KEY-----", drawn(length=64), "-----END PRIVATE KEY-----"]
    text = '{"private_key": "' + "\\n".join(lines) + '", "type": "x"}'
    assert redact(text).text == '{"private_key": "[redacted private-key]", "type": "x"}'


def test_a_private_key_that_is_cut_off_goes_as_far_as_it_is_there() -> None:
    text = "-----" + "BEGIN PRIVATE KEY-----\n" + drawn(length=64) + "\nThat was it."
    assert redact(text).text == "[redacted private-key]\n\nThat was it."


def test_a_key_header_that_is_only_spoken_of_stays() -> None:
    text = "The file starts with -----" + "BEGIN PRIVATE KEY----- and so on.\n-----END x-----"
    assert redact(text).text == text


def test_the_secret_beside_an_aws_key_id_goes_with_it() -> None:
    key_id, secret = (
        "AK" + "IA" + drawn(string.ascii_uppercase + string.digits, 16),
        drawn(length=40),
    )
    redacted = redact(f"{key_id}\n{secret}\n")
    assert redacted.text == "[redacted aws-access-key-id]\n[redacted aws-secret-key]\n"
    commit = drawn("0123456789abcdef", 40)
    assert redact(f"commit {commit}").text == f"commit {commit}"


@pytest.mark.parametrize(
    "written",
    [
        "password: {}",
        "DB_PASSWORD={}",
        '"clientSecret": "{}",',
        "config['token'] = '{}'",
        "The password is {}.",
        "| API key | {} |",
        "**Token:** `{}`",
        "<password>{}</password>",
        "mysql --password {} shop",
        "Authorization: Bearer {}",
        "use the token {} for that",
        "API-KEY := {}",
        "Passwort und Token\u0130 sind da; token: {}",
    ],
)
def test_a_random_value_of_something_secret_is_taken_out(written: str) -> None:
    secret = drawn(length=24)
    redacted = redact(written.format(secret))
    assert secret not in redacted.text
    assert redacted.text.startswith(written[:3])
    assert len(redacted.findings) == 1


@pytest.mark.parametrize(
    "text",
    [
        "password: changeme",
        "password: your-password-1",
        "token: ${GITHUB_TOKEN_1}",
        "token: {{ .Values.token1 }}",
        "token: <personal-access-token-1>",
        "token: process.env.TOKEN1",
        "const token = getToken(user1);",
        "secretName: oauth2-proxy-secret-v2",
        "secret: /run/secrets/db1",
        "token: https://portal.example/tokens/a1b2c3",
        "token: xxxxxxxxxxxxxxxx1",
        "tokens: 1234567890",
        "The token is required for backends.",
        "Each token is a JSON Web Token, see RFC7519.",
        "secret: arn:aws:secretsmanager:eu-west-1:1:x",
        "the key is 9f8e7d6c5b4a39281706",
        "postgres://user:pass@localhost:5432/db",
        "postgres://user:password@localhost/db",
        "postgres://user:${PASSWORD}@localhost/db",
        "http://localhost:3000@x",
        "git@github.com:org/repo.git, http://example.com/@scope/a:b@c",
        "risk-assessment-of-all-the-things-we-do, sk-SomeComponentNameThatIsLong",
        "hf_hub_download_of_a_file_that_is_long_enough",
        "AK" + "IAIOSFODNN7EXAMPLE",
        "gh" + "p_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "https://hooks.slack" + ".com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "data: { password: " + base64.b64encode(b"MyPassword").decode() + " }",
    ],
)
def test_placeholders_names_and_references_stay(text: str) -> None:
    redacted = redact(text)
    assert (redacted.text, redacted.findings) == (text, ())


def test_a_kubernetes_secret_is_judged_by_what_it_spells() -> None:
    encoded = base64.b64encode(drawn(length=18).encode()).decode()
    assert encoded not in redact(f"password: {encoded}").text


def test_the_password_of_a_url_goes_and_the_url_stays() -> None:
    redacted = redact(f"redis://app:{drawn(length=14)}@cache.internal:6379/0")
    assert redacted.text == "redis://app:[redacted url-password]@cache.internal:6379/0"


def test_a_webhook_goes_with_its_whole_address() -> None:
    path = "/".join(("services", "T" + drawn(ALNUM, 9), "B" + drawn(ALNUM, 9), drawn(length=24)))
    redacted = redact(f"Post to https://hooks.slack.com/{path}, please.")
    assert redacted.text == "Post to [redacted slack-webhook], please."


def test_every_rule_has_a_name_of_its_own_words_and_a_hint() -> None:
    for rule in RULES:
        assert rule.hints
        assert rule.name == rule.name.lower().replace(" ", "-")
        assert {"secret", "whole"} <= rule.pattern.groupindex.keys()
    assert len({rule.name for rule in RULES}) >= 30


def test_entropy_is_that_of_shannon() -> None:
    assert entropy("") == 0
    assert entropy("aaaa") == 0
    assert entropy("abab") == 1
    assert entropy("abcdefgh") == 3


FRAGMENTS = st.sampled_from(
    [
        *(hint for rule in RULES for hint in rule.hints),
        *"- _ . : = / @ \" ' ` | [ ] , + \n \r\n \t \\n ://".split(" "),
        *(
            "token: ",
            "password is ",
            " ",
            "-----BEGIN " + "PRIVATE KEY-----\n",
            "EXAMPLE",
            "\u0130",
        ),
        *("[redacted github-token]", "[redacted aws-access-key-id] ", "https://a:", "Bearer "),
        *(drawn(length=length, seed=length) for length in (3, 9, 16, 20, 24, 36, 40, 64)),
        drawn("0123456789abcdef", 32),
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=14).map("".join) | st.text()


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = redact(text)
    again = redact(once.text)
    assert again.text == once.text
    assert again.findings == ()


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_every_line_stays_a_line_and_the_same_text_gives_the_same(text: str) -> None:
    redacted = redact(text)
    assert redacted == redact(text)
    assert redacted.text.count("\n") == text.count("\n")
    assert all(1 <= found.start_line <= text.count("\n") + 1 for found in redacted.findings)
    assert bool(redacted.findings) == (redacted.text != text)


@settings(max_examples=50, deadline=None)
@given(FRAGMENTS, FRAGMENTS)
def test_hostile_repetition_takes_no_more_than_linear_time(first: str, second: str) -> None:
    """A quadratic pattern would take minutes for this much; the limit is far from any noise."""
    part = first + second + "a1"
    started = time.process_time()
    redact((part * (100_000 // len(part) + 1))[:100_000])
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("User | Password\nsvc | {}", "User | Password\nsvc | [redacted credential]"),
        ("| Token | x |\n|---|---|\n| `{}` | x |", "| `[redacted credential]` | x |"),
        ("Database password:\n{}\nthen go", "Database password:\n[redacted credential]\nthen go"),
        ("Password\n{}", "Password\n[redacted credential]"),
        ("**Password:**\n\n- `{}`", "**Password:**\n\n- `[redacted credential]`"),
    ],
)
def test_a_value_below_its_label_is_taken_out(written: str, left: str) -> None:
    secret = drawn(length=12, seed=2)
    redacted = redact(written.format(secret))
    assert redacted.text.endswith(left)
    assert [found.rule for found in redacted.findings] == ["credential"]
    assert redacted.findings[0].start_line == written[: written.index("{}")].count("\n") + 1


def test_a_label_counts_for_its_column_and_its_table_alone() -> None:
    value = drawn(length=12, seed=2)
    text = f"User | Password\n{value} | none\n\nName | Size\nx | {value}\n"
    assert redact(text).text == text


@pytest.mark.parametrize("mark", [*"#,;$[>!", "$[", "#,"])
@pytest.mark.parametrize("at", [0, 4, 9])
def test_punctuation_neither_hides_a_value_nor_lets_its_end_stay(mark: str, at: int) -> None:
    secret = drawn(length=12, seed=2)
    if at == 0 and mark[0] in ",;[>$":
        mark = "$9"
    secret = secret[:at] + mark + secret[at:]
    assert redact(f"password: {secret}").text == "password: [redacted credential]"


def test_the_next_field_behind_a_comma_stays() -> None:
    text = f"password={drawn(length=12, seed=2)},user=bob1234"
    assert redact(text).text == "password=[redacted credential],user=bob1234"


@pytest.mark.parametrize(
    "unseen",
    "\u200b \u200c \u200d \u200e \u200f \u2060 \u2064 \ufe00 \ufe0f \xad \u180e \U000e0041".split(),
)
def test_what_nobody_sees_hides_no_secret(unseen: str) -> None:
    [found] = redact(f"a\n{GITHUB[:9]}{unseen}{GITHUB[9:]}").findings
    assert (found.rule, found.start_line) == ("github-token", 2)
    assert redact(f"a{unseen}{GITHUB}").text == f"a{unseen}[redacted github-token]"
    plain = f"a{unseen}b"
    assert redact(plain).text == plain


HOSTILE = (
    *("password: ", "password\n", "token: a,b", "token is ", "pwd|", "|", "[", "<", "<[", '"'),
    *("://a:", "bearer ", "eyJaaaaaaaaaa.", "\u200b", "a,", "a>", "aB3/", "=", "\n", "a1,b-"),
    "-----" + "BEGIN PRIVATE KEY-----\n",
)


@pytest.mark.parametrize("start", ["", "password: ", "password:\n", "x://u:", "pwd|\n"])
@pytest.mark.parametrize("part", HOSTILE)
def test_a_hostile_megabyte_comes_to_an_end(start: str, part: str) -> None:
    """Any pattern that is not linear would take hours for this much."""
    size = 1_000_000 if start == "" else 200_000
    redacted = redact(start + part * (size // len(part)))
    assert redacted.text


def test_a_wide_table_of_labels_comes_to_an_end() -> None:
    assert redact("pwd|" * 100_000 + "\n" + "|\n" * 100_000).findings == ()
