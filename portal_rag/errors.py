"""The error tree; names and statuses are those of `@backstage/errors`.

PortalRagError
├─ ConfigurationError           a setting is missing or wrong; the programs exit 2
├─ InputError                   400
│  ├─ PayloadTooLargeError      413
│  └─ UnsupportedMediaTypeError 415
├─ AuthenticationError          401
├─ NotAllowedError              403
│  └─ AdmissionUnknownError      403  recorded under its own name
├─ NotFoundError                404
├─ IndexBusyError               409  another run is writing the index
├─ IndexUnavailableError        503  no index, or one that this program may not open
├─ AuditUnavailableError        503  an answer that cannot be recorded is not given
├─ IdentityProviderUnavailableError 503  nobody can be recognised now
└─ UpstreamError(system)        502  Backstage, Qdrant, a live system
   └─ UpstreamTimeoutError      504
"""

from typing import Literal

TokenFault = Literal[
    "missing",
    "several",
    "malformed",
    "type",
    "kid",
    "signature",
    "issuer",
    "audience",
    "expired",
    "not_yet_valid",
    "claims",
    "caller",
    "proof",
    "backstage",
    "unspecified",
]
"""What is wrong with credentials, in words that hold nothing of them; `backstage`: it said so."""


class PortalRagError(Exception):
    """Base of every error that this project raises on purpose.

    `name` and `status` are what the caller sees; the message must say what was wrong and what
    to do, and must never carry a token or anything that the caller may not read. `recorded_as` is
    what audit log and metrics call it, where that is another name.
    """

    name = "Error"
    status = 500
    recorded_as: str | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConfigurationError(PortalRagError):
    """A setting is missing, misspelt or contradicts another."""

    name = "ConfigurationError"


class InputError(PortalRagError):
    """The caller sent something that cannot be understood."""

    name = "InputError"
    status = 400


class PayloadTooLargeError(InputError):
    """The request body is larger than is accepted."""

    name = "PayloadTooLargeError"
    status = 413


class UnsupportedMediaTypeError(InputError):
    """The request body is not JSON."""

    name = "UnsupportedMediaTypeError"
    status = 415


class AuthenticationError(PortalRagError):
    """The caller brought no credentials, or none that can be verified.

    `reason` is for the operators' log alone; whoever forges tokens must not be told.
    """

    name = "AuthenticationError"
    status = 401

    def __init__(self, message: str, *, reason: TokenFault = "unspecified") -> None:
        super().__init__(message)
        self.reason: TokenFault = reason


class NotAllowedError(PortalRagError):
    """The caller is known and may not do this."""

    name = "NotAllowedError"
    status = 403


class AdmissionUnknownError(NotAllowedError):
    """Nobody said whether the caller may ask: to the caller a refusal, to the operators none."""

    recorded_as = "AdmissionUnknownError"


class NotFoundError(PortalRagError):
    """Nothing is there, or nothing that the caller may see: the two are not told apart."""

    name = "NotFoundError"
    status = 404


class IndexBusyError(PortalRagError):
    """Another run holds the index; it must end first."""

    name = "ConflictError"
    status = 409


class IndexUnavailableError(PortalRagError):
    """There is no index to read, or it was not made for this reader."""

    name = "ServiceUnavailableError"
    status = 503


class AuditUnavailableError(PortalRagError):
    """The audit log cannot be written; an answer that nobody can account for is worse than none."""

    name = "ServiceUnavailableError"
    status = 503


class IdentityProviderUnavailableError(PortalRagError):
    """The keys that tokens are signed with cannot be fetched, so no token can be judged."""

    name = "ServiceUnavailableError"
    status = 503


class UpstreamError(PortalRagError):
    """A system that we depend on failed.

    `is_transient` says whether asking again may help; `retry_after_seconds` is what the system
    itself asked for, if it did; `upstream_status` is its HTTP status, None if it did not answer.
    """

    name = "UpstreamError"
    status = 502

    def __init__(
        self,
        system: str,
        message: str,
        *,
        upstream_status: int | None = None,
        is_transient: bool = False,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{system}: {message}")
        self.system = system
        self.upstream_status = upstream_status
        self.is_transient = is_transient
        self.retry_after_seconds = retry_after_seconds


class UpstreamTimeoutError(UpstreamError):
    """A system that we depend on did not answer within its deadline."""

    name = "UpstreamTimeoutError"
    status = 504

    def __init__(self, system: str, message: str) -> None:
        super().__init__(system, message, is_transient=True)
