"""Which routes machine clients may use, and that none of them asks questions."""

from dataclasses import dataclass

from starlette.datastructures import Headers

from portal_rag.api.authentication import Authentication, bearer_token, bearer_tokens
from portal_rag.errors import NotAllowedError
from portal_rag.principals import Principal
from portal_rag.services.machine_clients import Access, MachineClient, MachineClients

_NEEDS_A_USER = (
    "A machine client cannot use this, because whatever is answered here depends on what a user may"
    " see; send a Backstage user's token"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineAccess:
    """Guards what is for machine clients alone; `others` tells a user from a stranger."""

    known: MachineClients
    others: Authentication

    async def check(self, headers: Headers, *, access: Access) -> MachineClient:
        """Make sure that a machine client asks, and that it was given this access.

        Raises:
            AuthenticationError: no token, or nobody's.
            NotAllowedError: another machine client's, or a user's or plugin's.
        """
        client = self.known.recognise(bearer_token(headers))
        if client is None:
            await self.others.check(headers)
            raise NotAllowedError("Only a machine client with its own token may use this")
        if access not in client.access:
            raise NotAllowedError(f"The machine client {client.name} has no access to {access}")
        return client


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersOnly:
    """Turns machine clients away before anything else happens with their tokens."""

    known: MachineClients
    users: Authentication

    async def principal(self, headers: Headers) -> Principal:
        """Say who asks.

        Raises:
            AuthenticationError: no token, or none that can be verified.
            NotAllowedError: a machine client asks, or somebody else who may not.
        """
        self._refuse_machines(headers)
        return await self.users.principal(headers)

    async def check(self, headers: Headers) -> None:
        """Make sure that there are credentials, whoever's but a machine client's.

        Raises:
            AuthenticationError: no token, or none that can be verified.
            NotAllowedError: they are a machine client's.
        """
        self._refuse_machines(headers)
        await self.users.check(headers)

    def _refuse_machines(self, headers: Headers) -> None:
        if any(map(self.known.recognise, bearer_tokens(headers))):
            raise NotAllowedError(_NEEDS_A_USER)
