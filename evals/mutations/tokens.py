"""Faults in what is believed of a token, and in the tokens that this service signs."""

from evals.mutations.mutation import Mutation

_TOKENS = "portal_rag/backstage/tokens.py"
_CLAIMS = "portal_rag/backstage/signed_claims.py"
_SIGNING = "portal_rag/backstage/plugin_tokens.py"
_KEYS = "tests/backstage/test_jwks.py"
_TRUE = "tests/backstage/test_tokens.py"
_FORGED = "tests/backstage/test_forged_tokens.py"
_SIGNED = "tests/backstage/test_plugin_tokens.py"
_BY_USERS = f"{_FORGED}::test_a_forged_user_token_is_refused"
_BY_PLUGINS = f"{_FORGED}::test_a_forged_plugin_token_is_refused"
_ANOTHER = """            raise AuthenticationError("Illegal limited user token", reason="type")
        raise AuthenticationError("Illegal token", reason="type")
"""

MUTATIONS = (
    Mutation(
        name="limited tokens are taken as bearers'",
        file=_TOKENS,
        old='            raise AuthenticationError("Illegal limited user token", reason="type")',
        new="""            claims = await self._user_claims(unverified_token, audience=None)
            return UserToken(
                user_ref=_user_ref(claims),
                token=unverified_token,
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            )""",
        tests=(_BY_USERS,),
    ),
    Mutation(
        name="a token of any other type is taken for a user's",
        file=_TOKENS,
        old=_ANOTHER,
        new="            pass\n        return await self._verify_user(unverified_token)\n",
        tests=(_BY_USERS,),
    ),
    Mutation(
        name="the audience is not compared",
        file=_CLAIMS,
        old='        "verify_aud": True,',
        new='        "verify_aud": False,',
        tests=(_BY_USERS,),
    ),
    Mutation(
        name="the audience of plugins is not compared",
        file=_TOKENS,
        old="            audience=self._own_plugin_id,",
        new='            audience=str(_unverified_claims(unverified_token, "").get("aud")),',
        tests=(_BY_PLUGINS,),
    ),
    Mutation(
        name="tokens of any issuer are taken",
        file=_CLAIMS,
        old='        "verify_iss": expected.issuer is not None,',
        new='        "verify_iss": False,',
        tests=(
            "tests/portal_rag/test_oidc_tokens.py::test_no_forged_or_misused_token_is_accepted",
        ),
    ),
    Mutation(
        name="the signature is not verified",
        file=_CLAIMS,
        old='        "verify_signature": True,',
        new='        "verify_signature": False,',
        tests=(_BY_USERS,),
    ),
    Mutation(
        name="the end of a token is not looked at",
        file=_CLAIMS,
        old="    if now >= exp + leeway:",
        new="    if False:",
        tests=(_BY_USERS,),
    ),
    Mutation(
        name="shared secrets are taken for public keys",
        file="portal_rag/backstage/jwks.py",
        old="algorithm not in ALGORITHMS:",
        new='algorithm not in {*ALGORITHMS, "HS256"}:',
        tests=(f"{_KEYS}::test_a_key_that_is_not_plainly_for_signatures_is_ignored",),
    ),
    Mutation(
        name="any plugin may call",
        file=_TOKENS,
        old="        if caller not in self._allowed_callers:",
        new="        if False:",
        tests=(f"{_TRUE}::test_a_caller_that_is_not_allowed_reaches_no_address",),
    ),
    Mutation(
        name="a proof is of whoever the token names",
        file=_TOKENS,
        old="        if _user_ref(claims) != verified.user_ref:",
        new="        if False:",
        tests=(f"{_SIGNED}::test_nobody_can_be_proven_by_a_false_statement_about_a_token",),
    ),
    Mutation(
        name="a proof can be made without verification",
        file=_TOKENS,
        old="        if seal is not _SEAL:",
        new="        if False:",
        tests=(f"{_SIGNED}::test_a_proof_cannot_be_made_without_verification",),
    ),
    Mutation(
        name="tokens are signed for no user",
        file=_SIGNING,
        old='            "obo": obo.token,\n',
        new="",
        tests=(f"{_SIGNED}::test_a_token_says_who_asks_whom_for_whom_and_until_when",),
    ),
    Mutation(
        name="tokens are signed without a proof",
        file=_SIGNING,
        old="        if not isinstance(obo, UserProof):",
        new="        if False:",
        tests=(f"{_SIGNED}::test_nothing_is_minted_without_a_proof",),
    ),
    Mutation(
        name="signed tokens are shared between users",
        file=_SIGNING,
        old="        key = (sha256(obo.token.encode()).digest(), audience)",
        new='        key = (b"", audience)',
        tests=(f"{_SIGNED}::test_users_sign_ins_and_audiences_never_share_a_token",),
    ),
)
