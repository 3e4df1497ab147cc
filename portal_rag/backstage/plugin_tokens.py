"""Signs the tokens with which this service, as a plugin, asks other plugins for a user."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal, get_args

import jwt

from portal_rag.backstage.plugin_keys import ALGORITHM, PluginKey
from portal_rag.backstage.tokens import PLUGIN_TYPE, UserProof
from portal_rag.errors import AuthenticationError

Audience = Literal["catalog", "permission", "techdocs", "search"]
LIFE = timedelta(hours=1)
RENEWED_BEFORE = timedelta(minutes=1)
MOST_TOKENS = 1_000


class PluginTokens:
    """Mints tokens of the plugin `plugin_id`, each for one other plugin and one proven user.

    There is no way to mint one without a user: such a token would open everything everywhere.
    A token is used again for the same proof and audience, until RENEWED_BEFORE its end.
    """

    def __init__(
        self,
        key: PluginKey,
        *,
        plugin_id: str,
        clock: Callable[[], datetime],
        most_tokens: int = MOST_TOKENS,
    ) -> None:
        self._key = key
        self._plugin_id = plugin_id
        self._clock = clock
        self._most_tokens = most_tokens
        self._minted: OrderedDict[tuple[bytes, Audience], tuple[datetime, str]] = OrderedDict()

    def mint(self, audience: Audience, *, obo: UserProof) -> str:
        """Give a token that `audience` takes as the user's, by this plugin.

        It ends with the user's own sign-in, at most LIFE from now.

        Raises:
            AuthenticationError: the user's sign-in has ended.
        """
        if audience not in get_args(Audience):
            raise ValueError(f"this service has nothing to ask of a plugin {audience!r}")
        if not isinstance(obo, UserProof):
            raise TypeError("a plugin token needs the proof of a user")
        now = self._clock()
        if obo.expires_at <= now:
            raise AuthenticationError("The user token has expired", reason="expired")
        key = (sha256(obo.token.encode()).digest(), audience)
        until, token = self._minted.get(key, (now, ""))
        if until - now > RENEWED_BEFORE:
            return token
        until = min(now + LIFE, obo.expires_at)
        token = self._sign(audience, obo, now, until)
        self._keep(key, until, token)
        return token

    def _sign(self, audience: Audience, obo: UserProof, now: datetime, until: datetime) -> str:
        claims = {
            "sub": self._plugin_id,
            "aud": audience,
            "iat": int(now.timestamp()),
            "exp": int(until.timestamp()),
            "obo": obo.token,
        }
        headers = {"typ": PLUGIN_TYPE, "kid": self._key.kid}
        return jwt.encode(claims, self._key.private, algorithm=ALGORITHM, headers=headers)

    def _keep(self, key: tuple[bytes, Audience], until: datetime, token: str) -> None:
        self._minted[key] = (until, token)
        self._minted.move_to_end(key)
        while len(self._minted) > self._most_tokens:
            self._minted.popitem(last=False)
