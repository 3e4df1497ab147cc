"""Those for whom another identity provider vouches, and what they see of the portal."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSubject:
    """Somebody of whom Backstage knows nothing.

    The values of the claim are what the policy goes by; the token is the subject's own.
    """

    subject_type: str
    entitlement_claim: str
    entitlement_values: tuple[str, ...]
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoPortal:
    """The view of those about whom Backstage cannot be asked: nothing of the portal applies."""
