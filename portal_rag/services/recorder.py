"""What is kept of questions for operators: the audit log and the metrics."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from portal_rag.audit import Audit, NameUser, hashed_with
from portal_rag.audit.sensitive import SHIPPED, Sensitive, load_sensitive
from portal_rag.audit.sinks import Sink, StandardOutput, open_file
from portal_rag.domain import Clock
from portal_rag.metrics import Metrics
from portal_rag.recording import Recorder
from portal_rag.settings import ServiceSettings


@contextmanager
def open_recorder(settings: ServiceSettings, clock: Clock) -> Iterator[Recorder]:
    """Open the audit log, where it is switched on, and the metrics.

    Raises:
        ConfigurationError: the audit log cannot be written, or what is sensitive is wrong.
    """
    sensitive = _sensitive(settings)
    metrics = Metrics()
    if settings.audit_log == "off":
        yield Recorder(audit=None, metrics=metrics, timer=time.monotonic)
        return
    with closing(_sink(settings)) as sink:
        audit = Audit(
            sink=sink,
            name_user=_name_user(settings),
            sensitive=sensitive,
            with_questions=settings.audit_questions,
            clock=clock,
        )
        yield Recorder(audit=audit, metrics=metrics, timer=time.monotonic)


def check_recorder(settings: ServiceSettings) -> None:
    """Make sure, before anything is loaded, that `open_recorder` will succeed.

    Raises:
        ConfigurationError: the audit log cannot be written, or what is sensitive is wrong.
    """
    _sensitive(settings)
    if settings.audit_log in ("off", "stdout"):
        return
    path = Path(settings.audit_log)
    was_there = path.exists()
    _sink(settings).close()
    if not was_there:
        path.unlink(missing_ok=True)  # whoever checks may not be the account that will write


def _sink(settings: ServiceSettings) -> Sink:
    if settings.audit_log == "stdout":
        return StandardOutput()
    return open_file(Path(settings.audit_log), setting="PORTAL_RAG_AUDIT_LOG")


def _sensitive(settings: ServiceSettings) -> Sensitive:
    if settings.sensitive_file is None:
        return SHIPPED
    return load_sensitive(settings.sensitive_file, setting="PORTAL_RAG_SENSITIVE_FILE")


def _name_user(settings: ServiceSettings) -> NameUser:
    if settings.audit_user == "hashed" and settings.audit_user_key:
        return hashed_with(settings.audit_user_key.get_secret_value())
    return str
