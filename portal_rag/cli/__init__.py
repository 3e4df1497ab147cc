"""`portal-rag serve | ask | doctor | keys`."""

import sys
from typing import Any

import click
import structlog

from portal_rag import __version__
from portal_rag.cli.asking import ask_locally, ask_service
from portal_rag.cli.doctor import examine
from portal_rag.cli.keys import keys
from portal_rag.cli.rendering import show_answer, show_check
from portal_rag.cli.serving import bind_addresses, run_service
from portal_rag.errors import ConfigurationError, PortalRagError
from portal_rag.logging import configure_logging
from portal_rag.services.askers import open_plugin_keys
from portal_rag.services.identity_provider import open_subjects
from portal_rag.services.index import check_local_index
from portal_rag.services.machine_clients import open_machine_clients
from portal_rag.services.recorder import check_recorder
from portal_rag.settings import ServiceSettings, load_asking_settings, load_service_settings

BAD_CONFIGURATION = 2

_log = structlog.get_logger()


class _Program(click.Group):
    """Turns the errors that are raised on purpose into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PortalRagError as error:
            click.echo(f"error: {error.message}", err=True)
            sys.exit(_exit_code(error))


def _exit_code(error: PortalRagError) -> int:
    return BAD_CONFIGURATION if isinstance(error, ConfigurationError) else 1


@click.group(cls=_Program)
@click.version_option(__version__)
def main() -> None:
    """Cited, permission-aware answers about a Backstage portal."""


main.add_command(keys)


@main.command()
def serve() -> None:
    """Run the HTTP service with the settings of the environment."""
    settings = load_service_settings()
    configure_logging(settings.log_level, json_lines=settings.log_json)
    try:
        _start(settings)
    except PortalRagError as error:
        _log.error("not_started", reason=error.message)
        sys.exit(_exit_code(error))


def _start(settings: ServiceSettings) -> None:
    """Check what is quick to check before the model is loaded, which takes seconds."""
    open_plugin_keys(settings)
    check_recorder(settings)
    open_machine_clients(settings)
    if settings.auth == "oidc":
        open_subjects(settings)
    if settings.auth == "none":
        check_local_index(settings)
    with bind_addresses(settings.host, settings.port) as bound:
        run_service(settings, bound)


@main.command()
@click.argument("question")
@click.option("--entity", metavar="REF", help="The entity page that the question is asked on.")
@click.option("--url", help="A running service; without it, the local index is asked in-process.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def ask(question: str, entity: str | None, url: str | None, as_json: bool) -> None:
    """Ask QUESTION, with the Backstage token of PORTAL_RAG_TOKEN where the service needs one."""
    settings = load_asking_settings()
    configure_logging("error", json_lines=False)
    service = url or settings.service_url
    if service:
        token = settings.token.get_secret_value() if settings.token else None
        answer = ask_service(service, question, entity=entity, token=token)
    else:
        answer = ask_locally(settings, question, entity=entity)
    show_answer(answer, as_json=as_json)


@main.command()
def doctor() -> None:
    """Check configuration, Backstage, index and model, and say what to do about each failure."""
    sys.exit(0 if examine(show_check) else 1)
