"""Measures the redaction of secrets: made-up ones that are planted, and alarms over real pages."""

import random
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import click

from indexer.redacting import without_secrets
from indexer.sources.files import TECHDOCS, FilesSource
from indexer.sources.source import EVERYTHING_ANEW
from portal_rag.corpus.documents import Document
from portal_rag.corpus.redaction import SecretFound, redact

_SEED = 20
_ROUNDS = 20
_HEX = "0123456789abcdef"
_UPPER = string.ascii_uppercase + string.digits
_ALNUM = string.ascii_letters + string.digits
_BASE64 = _ALNUM + "+/"
_URL_SAFE = _ALNUM + "_-"
_PROSE = "Ask the platform team before you use {} in a script, and never share it."
_YAML = 'settings:\n  - name: "{name}"\n    value: "{secret}"\n'

Draw = Callable[[str, int], str]
"""Draws so many characters of an alphabet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A way of writing secrets: `make` draws one; `prose` and `yaml` are where it stands."""

    name: str
    make: Callable[[Draw], str]
    prose: str = _PROSE
    yaml: str = _YAML


def formats() -> tuple[Format, ...]:
    """List the published formats; put together from parts, so that none stands in this file."""
    return (*map(_prefixed, _PREFIXED), *_OTHERS)


_PREFIXED: Sequence[tuple[str, str, str, int]] = (
    ("AWS access key id", "AKIA", _UPPER, 16),
    ("AWS session key id", "ASIA", _UPPER, 16),
    ("GitHub personal token", "ghp_", _ALNUM, 36),
    ("GitHub OAuth token", "gho_", _ALNUM, 36),
    ("GitHub app token", "ghs_", _ALNUM, 36),
    ("GitLab token", "glpat-", _URL_SAFE, 20),
    ("Stripe key", "sk_" + "live_", _ALNUM, 24),
    ("Stripe restricted key", "rk_" + "live_", _ALNUM, 24),
    ("OpenAI project key", "sk-" + "proj-", _URL_SAFE, 48),
    ("Anthropic key", "sk-" + "ant-api03-", _URL_SAFE, 93),
    ("Google API key", "AI" + "za", _URL_SAFE, 35),
    ("npm token", "npm_", _ALNUM, 36),
    ("PyPI token", "pypi-" + "AgEIcHlwaS5vcmc", _URL_SAFE, 70),
    ("Hugging Face token", "hf_", _ALNUM, 34),
    ("Vault token", "hvs.", _URL_SAFE, 24),
    ("Databricks token", "dapi", _HEX, 32),
    ("DigitalOcean token", "dop_" + "v1_", _HEX, 64),
    ("Mailgun key", "key-", _HEX, 32),
    ("Twilio key", "SK", _HEX, 32),
    ("PagerDuty key", "u+", _URL_SAFE, 18),
)


def _prefixed(row: tuple[str, str, str, int]) -> Format:
    name, prefix, alphabet, length = row
    return Format(name=name, make=lambda draw: prefix + draw(alphabet, length))


def _pem(draw: Draw) -> str:
    lines = ["MIIE" + draw(_BASE64, 60), *(draw(_BASE64, 64) for _ in range(3)), draw(_BASE64, 30)]
    return "\n".join(("-----BEGIN " + "PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"))


def _jwt(draw: Draw) -> str:
    return ".".join(
        ("ey" + "J" + draw(_ALNUM, 33), "ey" + "J" + draw(_ALNUM, 60), draw(_ALNUM, 43))
    )


_OTHERS = (
    Format(
        name="GitHub fine-grained token",
        make=lambda draw: "github_" + "pat_" + draw(_UPPER, 22) + "_" + draw(_ALNUM, 59),
    ),
    Format(
        name="Slack bot token",
        make=lambda draw: "-".join(("xo" + "xb", draw(string.digits, 12), draw(_ALNUM, 24))),
    ),
    Format(
        name="Slack app token",
        make=lambda draw: "-".join(("xa" + "pp", "1", draw(_UPPER, 11), draw(_HEX, 64))),
    ),
    Format(
        name="Slack webhook",
        make=lambda draw: "/".join(
            ("https://hooks.slack.com", "services", *_slack_ids(draw), draw(_ALNUM, 24))
        ),
    ),
    Format(
        name="SendGrid key",
        make=lambda draw: ".".join(("S" + "G", draw(_URL_SAFE, 22), draw(_URL_SAFE, 43))),
    ),
    Format(name="JWT", make=_jwt),
    Format(name="private key", make=_pem, yaml="settings:\n  value: |\n{secret}\n"),
    Format(
        name="URL password",
        make=lambda draw: draw(_ALNUM, 14),
        prose="Connect to postgres://shop:{}@db.internal:5432/shop first.",
        yaml='value: "postgres://shop:{secret}@db.internal:5432/shop"\n',
    ),
    Format(
        name="AWS secret key",
        make=lambda draw: draw(_BASE64, 40),
        prose="The AWS secret access key is {} for now.",
        yaml='aws_secret_access_key: "{secret}"\n',
    ),
    Format(
        name="Azure storage key",
        make=lambda draw: draw(_BASE64, 86) + "==",
        prose="Use DefaultEndpointsProtocol=https;AccountName=shop;AccountKey={} there.",
        yaml='value: "AccountName=shop;AccountKey={secret};EndpointSuffix=core"\n',
    ),
    Format(
        name="GCP key id",
        make=lambda draw: draw(_HEX, 40),
        prose="The private_key_id of the account is {} today.",
        yaml='private_key_id: "{secret}"\n',
    ),
    Format(
        name="Datadog key",
        make=lambda draw: draw(_HEX, 32),
        prose="Set DD_API_KEY={} before you start the agent.",
        yaml='DD_API_KEY: "{secret}"\n',
    ),
    Format(
        name="static token",
        make=lambda draw: draw(_ALNUM, 32),
        prose="The static token is {} in all regions.",
        yaml='token: "{secret}"\n',
    ),
    Format(
        name="password",
        make=lambda draw: draw(string.ascii_letters, 6) + draw(string.digits, 4) + draw("!#%+=", 2),
        prose="Log in as admin, password: {} (staging only).",
        yaml='password: "{secret}"\n',
    ),
)


def _slack_ids(draw: Draw) -> tuple[str, str]:
    return "T" + draw(_UPPER, 10), "B" + draw(_UPPER, 10)


@click.command()
@click.argument("portal", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(portal: Path) -> None:
    """Plant made-up secrets, then look for alarms in PORTAL, a folder of files without secrets."""
    for place in ("prose", "yaml"):
        caught = planted(place)
        for name, share in caught.items():
            if share < 1:
                click.echo(f"  {place}: {name}: {share:.0%} of {_ROUNDS}")
        whole = sum(share == 1 for share in caught.values())
        click.echo(f"{place}: {whole} of {len(caught)} formats redacted, each time")
    pages = anyio.run(_pages, portal)
    alarms = {page.path: found for page in pages if (found := without_secrets(page)[1])}
    for path, found in alarms.items():
        click.echo(f"  alarm: {path}: {', '.join(map(_where, found))}")
    click.echo(f"alarms: {len(alarms)} of {len(pages)} pages")


def planted(place: str) -> Mapping[str, float]:
    """Say of each format how large a share is redacted, in `prose` or quoted in `yaml`."""
    chooser = random.Random(_SEED)  # noqa: S311  (made-up secrets keep nothing safe)

    def draw(alphabet: str, length: int) -> str:
        return "".join(chooser.choices(alphabet, k=length))

    return {
        each.name: sum(_is_redacted(each, place, each.make(draw)) for _ in range(_ROUNDS)) / _ROUNDS
        for each in formats()
    }


def _is_redacted(form: Format, place: str, secret: str) -> bool:
    if place == "prose":
        text = form.prose.format(secret)
    else:
        written = secret if "\n" not in secret else _indented(secret)
        text = form.yaml.format(name=form.name, secret=written)
    redacted = redact(text)
    return bool(redacted.findings) and not any(
        line in redacted.text for line in secret.splitlines() if not line.startswith("-----")
    )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


async def _pages(portal: Path) -> list[Document]:
    source = FilesSource(portal, app_url="https://portal.example")
    return [
        read
        async for read in source.documents(EVERYTHING_ANEW)
        if isinstance(read, Document) and read.source == TECHDOCS
    ]


def _where(found: SecretFound) -> str:
    return f"{found.rule} in line {found.start_line}"


if __name__ == "__main__":
    main()
