"""Who may ask at all, where the portal's policy decides it."""

from dataclasses import dataclass

import structlog

from portal_rag.backstage.permission import ASK, PermissionClient
from portal_rag.clients.credentials import Credentials
from portal_rag.errors import AdmissionUnknownError, NotAllowedError, PortalRagError

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Asks Backstage for the permission `portal-rag.ask`, anew for each question."""

    permission: PermissionClient
    deadline_seconds: float

    async def check(self, credentials: Credentials) -> None:
        """Let the user ask, or not.

        Raises:
            NotAllowedError: the policy does not allow it.
            AdmissionUnknownError: this could not be found out in time.
        """
        try:
            token = credentials.token_for("permission")
            is_allowed = await self.permission.allows(
                ASK, token=token, deadline_seconds=self.deadline_seconds
            )
        except PortalRagError as error:
            _log.warning("ask_permission_unknown", error=error.message)
            raise AdmissionUnknownError(
                f"Backstage did not say whether you have the permission {ASK}, so this question"
                " is not answered; please ask again"
            ) from error
        if not is_allowed:
            raise NotAllowedError(f"You need the permission {ASK} to ask here")
