"""The table of secret formats: what each looks like, and what tells it from a placeholder.

Sources of the formats: the vendors' own documentation, and GitHub's list of partner patterns.

Every pattern runs in linear time on any input: what is unbounded is possessive and stands last, or
cannot start inside itself. A token ends where its word ends, so that taking it out never makes a
new beginning.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from portal_rag.corpus.redaction.likeness import (
    has_digits_and_is_random,
    is_random,
    is_secret_up_to_punctuation,
    is_spoken_secret,
    is_url_password,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A kind of secret. `hints` are texts of which one stands wherever the pattern fits.

    The group `whole` of the pattern is taken out if the group `secret` `looks_real`.
    """

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    looks_real: Callable[[str], bool]


class Table:
    """Rules in the order in which they apply; where `any_hint` is nowhere, none does."""

    def __init__(self, *rules: Rule) -> None:
        self.rules = rules
        hints = sorted({hint for rule in rules for hint in rule.hints})
        self.any_hint = re.compile("|".join(map(re.escape, hints)))


def _token(
    name: str,
    prefix: str,
    body: str,
    *,
    hints: str,
    looks_real: Callable[[str], bool] = is_random,
) -> Rule:
    """Make a rule of a token with a prefix of its own; `hints` are separated by spaces."""
    text = rf"(?<![A-Za-z0-9])(?P<whole>{prefix}(?P<secret>{body})[\w-]*+)"
    pattern = re.compile(text, re.ASCII)
    return Rule(name=name, hints=tuple(hints.split()), pattern=pattern, looks_real=looks_real)


def _in_context(
    name: str, pattern: str, *, hints: str = "", looks_real: Callable[[str], bool]
) -> Rule:
    """Make a rule of what only its surroundings tell to be secret; all of it in lower case."""
    return Rule(
        name=name,
        hints=tuple(hints.split()),
        pattern=re.compile(pattern, re.ASCII),
        looks_real=looks_real,
    )


_BETWEEN_PEM_LINES = r"(?:[ \t\r\n\"',>|#*]|\\[nr])"
_PEM = re.compile(
    r"(?P<whole>-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    rf"(?:{_BETWEEN_PEM_LINES}{{1,80}}+[A-Z][A-Za-z-]{{2,20}}: [^\r\n]{{1,200}}){{0,5}}+"
    rf"(?P<secret>(?:{_BETWEEN_PEM_LINES}{{1,80}}+[A-Za-z0-9+/]{{16,}}+={{0,2}})++)"
    rf"(?:{_BETWEEN_PEM_LINES}{{1,80}}+[A-Za-z0-9+/]{{1,15}}+={{0,2}}"
    r"(?=[ \t\"',]{0,8}(?:[\r\n]|\\[nr]|-----|\Z)))?+"
    rf"(?:{_BETWEEN_PEM_LINES}{{1,80}}+=[A-Za-z0-9+/]{{4}})?+"
    rf"(?:{_BETWEEN_PEM_LINES}{{0,80}}+-----END [A-Z0-9 ]{{0,60}}-----)?+)",
    re.ASCII,
)

_KEY_OWNERS = (
    "api app access account auth client datadog encryption integration license master pagerduty"
    " private routing secret service shared signing storage webhook"
).split()
_KEY = rf"key(?:{'|'.join(rf'(?<={owner}key)|(?<={owner}[ _.-]key)' for owner in _KEY_OWNERS)})"
NAMES = rf"(?:pass(?:word|wd|phrase|code)|pwd|secret|token|credential|{_KEY})s?"
_QUOTES = r"[\"'`\u201c\u201d*]"
_PLAIN = r"[^\s\"'`\u201c\u201d<>|,;]"
_VALUE = (
    rf"{_PLAIN}(?:{_PLAIN}|[,;|](?={_PLAIN})(?![\w.-]{{1,40}}[\"'`]?[:=])"
    rf"|>(?={_PLAIN})|<(?![a-z/!])(?={_PLAIN})){{7,}}+"
)
_ASSIGNED = (
    rf"{NAMES}(?:[\"'`]\]|{_QUOTES}{{0,3}})"
    rf"(?:[ \t]{{0,8}}(?::=|=>|=|:|\||>)|[ \t]{{1,8}}is\b|(?<=word)[ \t])"
    rf"[ \t*]{{0,8}}{_QUOTES}{{0,3}}(?P<whole>(?P<secret>{_VALUE}))"
)
_ON_THE_NEXT_LINE = (
    rf"{NAMES}(?:{_QUOTES}|\)){{0,3}}[ \t]{{0,4}}:?[ \t*]{{0,4}}(?:\r?\n[ \t]{{0,40}}){{1,2}}"
    rf"(?:[-+*>][ \t]{{1,3}})?{_QUOTES}{{0,3}}(?P<whole>(?P<secret>{_VALUE}))"
    rf"(?={_QUOTES}{{0,3}}[ \t]{{0,8}}(?:[\r\n]|\Z))"
)
_SPOKEN = (
    rf"{NAMES}[ \t]{{1,4}}(?:(?:is|of|value|named|called)[ \t]{{1,4}})?{_QUOTES}{{0,3}}"
    r"(?P<whole>(?P<secret>[a-z0-9_+/=-]{20,}+))"
)
_HINTS = "pass pwd secret token credential key"
_HEX_32 = r"[0-9a-f]{32}"

TOKENS = Table(
    Rule(
        name="private-key",
        hints=("PRIVATE KEY",),
        pattern=_PEM,
        looks_real=has_digits_and_is_random,
    ),
    _token("aws-access-key-id", "(?:AKIA|ASIA)", "[A-Z0-9]{16}", hints="AKIA ASIA"),
    _token("github-token", "gh[oprsu]_", r"\w{30,}+", hints="ghp_ gho_ ghu_ ghs_ ghr_"),
    _token("github-fine-grained-token", "github_pat_", r"\w{30,}+", hints="github_pat_"),
    _token(
        "gitlab-token",
        "gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt)-",
        r"[\w-]{20,}+(?:\.[0-9a-z]{2}\.[0-9a-z]{9})?+",
        hints="glpat- gldt- glrt- glrtr- glcbt- glptt- glft- glimt- glagent- gloas- glsoat-"
        " glffct- glwt-",
    ),
    _token("slack-token", "xox[abceoprs]-", r"[\w-]{16,}+", hints="xox"),
    _token("slack-app-token", "xapp-", r"[\w-]{16,}+", hints="xapp-"),
    _token(
        "slack-webhook",
        r"(?:https?://)?hooks\.slack\.com/(?:services|workflows|triggers)/",
        r"[A-Z][A-Za-z0-9]{6,20}+/[\w/]{10,}+",
        hints="hooks.slack.com/",
    ),
    _token("stripe-key", "[rs]k_live_", "[A-Za-z0-9]{16,}+", hints="sk_live_ rk_live_"),
    _token("stripe-webhook-secret", "whsec_", "[A-Za-z0-9+/]{24,}+", hints="whsec_"),
    _token("anthropic-key", "sk-ant-", r"[\w-]{20,}+", hints="sk-ant-"),
    _token(
        "openai-key",
        "sk-(?:proj|svcacct|admin)-",
        r"[\w-]{20,}+",
        hints="sk-proj- sk-svcacct- sk-admin-",
    ),
    _token(
        "openai-key",
        "sk-",
        "[A-Za-z0-9]{20,}+",
        hints="sk-",
        looks_real=has_digits_and_is_random,
    ),
    _token("google-api-key", "AIza", r"[\w-]{30,}+", hints="AIza"),
    _token("google-oauth-secret", "GOCSPX-", r"[\w-]{20,}+", hints="GOCSPX-"),
    _token("google-access-token", r"ya29\.", r"[\w-]{20,}+", hints="ya29."),
    _token("npm-token", "npm_", "[A-Za-z0-9]{30,}+", hints="npm_"),
    _token("pypi-token", "pypi-AgE", r"[\w-]{16,}+", hints="pypi-AgE"),
    _token("hugging-face-token", "(?:hf|api_org)_", "[A-Za-z0-9]{30,}+", hints="hf_ api_org_"),
    _token("vault-token", r"hv[bsr]\.", r"[\w-]{20,}+", hints="hvs. hvb. hvr."),
    _token("databricks-token", "dapi", _HEX_32, hints="dapi"),
    _token("digitalocean-token", "do[opr]_v1_", "[0-9a-f]{32,}+", hints="dop_v1_ doo_v1_ dor_v1_"),
    _token("sendgrid-key", r"SG\.", r"[\w-]{16,64}\.[\w-]{16,}+", hints="SG."),
    _token("mailgun-key", "key-", _HEX_32, hints="key-"),
    _token("twilio-key", "SK", _HEX_32, hints="SK"),
    _token("shopify-token", "shp(?:at|ca|pa|ss)_", _HEX_32, hints="shpat_ shpca_ shppa_ shpss_"),
    _token("grafana-token", "gl(?:sa|c)_", r"\w{20,}+", hints="glsa_ glc_"),
    _token("new-relic-key", "NRAK-", "[A-Z0-9]{27}", hints="NRAK-"),
    _token("sentry-token", "sntry[su]_", r"[\w-]{30,}+", hints="sntrys_ sntryu_"),
    _token("docker-token", "dckr_(?:pat|oat)_", r"[\w-]{20,}+", hints="dckr_"),
    _token("atlassian-token", "AT(?:ATT|CTT|BB)3?", r"[\w-]{24,}+", hints="ATATT ATCTT ATBB"),
    _token("linear-key", "lin_(?:api|oauth)_", "[A-Za-z0-9]{32,}+", hints="lin_"),
    _token("figma-token", "fig[du]_", r"[\w-]{30,}+", hints="figd_ figu_"),
    _token("pulumi-token", "pul-", "[0-9a-f]{40}", hints="pul-"),
    _token("rubygems-key", "rubygems_", "[0-9a-f]{40,}+", hints="rubygems_"),
    _token("postman-key", "PMAK-", "[0-9a-f]{24}-[0-9a-f]{34}", hints="PMAK-"),
    _token("notion-token", "ntn_", "[A-Za-z0-9]{40,}+", hints="ntn_"),
    _token("telegram-token", "[0-9]{8,10}:AA", r"[\w-]{32,}+", hints=":AA"),
    _token("age-key", "AGE-SECRET-KEY-1", "[A-Z0-9]{40,}+", hints="AGE-SECRET-KEY-1"),
    _token("pagerduty-key", r"u\+", r"[\w+-]{18}", hints="u+"),
    _token(
        "jwt",
        r"(?<![\w.-])(?=eyJ)",
        r"[\w-]{10,}+\.[\w-]{10,}+(?:\.[\w-]*+){1,3}+",
        hints="eyJ",
    ),
)
"""Secrets that say themselves what they are."""

CONTEXTS = Table(
    _in_context(
        "aws-secret-key",
        r"\[redacted aws-access-key-id\][^\[]{0,80}?(?<![a-z0-9+/])"
        r"(?P<whole>(?P<secret>[a-z0-9+/]{40})(?![a-z0-9+/]))",
        hints="aws-access-key-id",
        looks_real=is_random,
    ),
    _in_context(
        "gcp-key-id",
        r"(?:private|gcp|account)[_ -]key[_ -]id\b[^\n]{0,40}?(?<![0-9a-z])"
        r"(?P<whole>(?P<secret>[0-9a-f]{40})(?![0-9a-z]))",
        hints="key",
        looks_real=is_random,
    ),
    _in_context(
        "azure-key",
        r"(?:account|sharedaccess)key=(?P<whole>(?P<secret>[a-z0-9+/]{32,}+)={0,2})",
        hints="key=",
        looks_real=is_random,
    ),
    _in_context(
        "azure-signature",
        r"[?&]sig=(?P<whole>(?P<secret>[a-z0-9%+/]{32,}+)={0,2})",
        hints="sig=",
        looks_real=is_random,
    ),
    _in_context(
        "url-password",
        r"(?<=://)[^\s/:@\"'<>]{0,100}:(?P<whole>(?P<secret>[^\s/@\"'<>\[\]]{6,200}))(?=@)",
        hints="://",
        looks_real=is_url_password,
    ),
    _in_context(
        "authorization",
        rf"\b(?:bearer|basic)[ \t]{{1,4}}{_QUOTES}{{0,3}}"
        r"(?P<whole>(?P<secret>[a-z0-9._~+/=-]{20,}+))",
        hints="bearer basic",
        looks_real=is_spoken_secret,
    ),
    _in_context("credential", _ASSIGNED, hints=_HINTS, looks_real=is_secret_up_to_punctuation),
    _in_context(
        "credential", _ON_THE_NEXT_LINE, hints=_HINTS, looks_real=is_secret_up_to_punctuation
    ),
    _in_context("credential", _SPOKEN, hints=_HINTS, looks_real=is_spoken_secret),
)
"""Secrets that their surroundings give away, in lower case; looked for once TOKENS are out."""
