"""Who asks: somebody whose rights a question is answered with."""

from dataclasses import dataclass, field

from portal_rag.backstage.tokens import UserProof
from portal_rag.corpus.entity_ref import EntityRef


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalUser:
    """A verified Backstage user; the token is the user's own and acts for nobody else."""

    user_ref: EntityRef
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentedUser:
    """A verified user for whom this service acts as a plugin; `through` is one that asked it to."""

    proof: UserProof
    through: str | None = None


@dataclass(frozen=True, slots=True)
class LocalReader:
    """Whoever sits at this machine, asking an index that was built from files of this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSubject:
    """Somebody for whom another identity provider vouches, and of whom Backstage knows nothing.

    `name` is unique at that provider. The values of the claim are what the policy goes by; the
    token is the subject's own.
    """

    name: str
    subject_type: str
    entitlement_claim: str
    entitlement_values: tuple[str, ...]
    token: str = field(repr=False)


Principal = PortalUser | RepresentedUser | LocalReader | ExternalSubject
