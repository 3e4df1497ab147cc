"""With which token each plugin of Backstage is asked for a user; and what is kept per user."""

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, Protocol, TypeVar

from portal_rag.backstage.plugin_tokens import Audience, PluginTokens
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Timer
from portal_rag.principals import PortalUser, RepresentedUser

MOST_REMEMBERED = 500
UserKey = tuple[EntityRef, str]
T = TypeVar("T")


class Credentials(Protocol):
    """One user's rights, in the form in which Backstage's plugins take them."""

    @property
    def key(self) -> UserKey:
        """Tell users, and their sign-ins, apart: reference and a digest of their token."""
        ...

    def token_for(self, plugin: Audience) -> str:
        """Give the token to send to this plugin.

        Raises:
            AuthenticationError: the user's sign-in has ended.
        """
        ...


@dataclass(frozen=True, slots=True)
class ForwardedToken:
    """The user's own token, whichever plugin is asked."""

    user: PortalUser

    @property
    def key(self) -> UserKey:
        return self.user.user_ref, _digest(self.user.token)

    def token_for(self, plugin: Audience) -> str:
        return self.user.token


@dataclass(frozen=True, slots=True)
class MintedTokens:
    """Tokens of this service as a plugin, minted for the user and for each plugin asked."""

    user: RepresentedUser
    signer: PluginTokens

    @property
    def key(self) -> UserKey:
        return self.user.proof.user_ref, _digest(self.user.proof.token)

    def token_for(self, plugin: Audience) -> str:
        return self.signer.mint(plugin, obo=self.user.proof)


class UserCache(Generic[T]):
    """Keeps one thing per user and sign-in, for `seconds`; of at most MOST_REMEMBERED of them."""

    def __init__(self, timer: Timer, *, seconds: float) -> None:
        self._timer = timer
        self._seconds = seconds
        self._kept: OrderedDict[UserKey, tuple[float, T]] = OrderedDict()

    def get(self, credentials: Credentials) -> T | None:
        kept = self._kept.get(credentials.key)
        return kept[1] if kept and self._timer() - kept[0] < self._seconds else None

    def put(self, credentials: Credentials, value: T) -> None:
        self._kept[credentials.key] = (self._timer(), value)
        self._kept.move_to_end(credentials.key)
        while len(self._kept) > MOST_REMEMBERED:
            self._kept.popitem(last=False)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
