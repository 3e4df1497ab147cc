"""The public keys of an identity provider, as far as tokens may be signed with them here."""

import json
from collections.abc import Mapping
from typing import Any

from portal_rag.clients.oidc.transport import KEYS, OidcTransport
from portal_rag.errors import UpstreamError

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"})
KEY_SET = (KEYS,)
"""The one set that there is, for `JwksCache`."""
_WHERE_NONE_IS_NAMED = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("EC", "P-384"): "ES384",
    ("EC", "P-521"): "ES512",
}


class ProviderKeys:
    """Publishes the provider's keys to a `JwksCache`.

    Many providers leave a key's `alg` out (RFC 7517 lets them): an RSA key then counts as RS256,
    the default of OpenID Connect, and a curve has only one algorithm. Keys of other algorithms are
    left out.
    """

    def __init__(self, transport: OidcTransport) -> None:
        self._transport = transport

    async def get_json(self, *_path: str, token: str | None) -> Any:
        """Read the set; there is but one, and it is read without a token.

        Raises:
            UpstreamError: it cannot be read, or is no set of keys.
        """
        content = await self._transport.read_keys()
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise UpstreamError(KEYS, "the answer is not JSON") from error
        keys = answer.get("keys") if isinstance(answer, Mapping) else None
        if not isinstance(keys, list):
            raise UpstreamError(KEYS, "the answer is not a set of keys")
        return {"keys": [key for key in map(_with_algorithm, keys) if key]}


def _with_algorithm(jwk: object) -> dict[str, Any] | None:
    if not isinstance(jwk, dict):
        return None
    kind = (str(jwk.get("kty")), str(jwk["crv"]) if "crv" in jwk else None)
    algorithm = jwk["alg"] if "alg" in jwk else _WHERE_NONE_IS_NAMED.get(kind)
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        return None
    return {**jwk, "alg": algorithm}
