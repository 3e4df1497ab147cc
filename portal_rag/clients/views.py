"""Each asker's own view of the portal, with the asker's credentials in the form that is set."""

from collections.abc import Callable
from dataclasses import dataclass

from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.document_permissions import DocumentPermissions, Wanted
from portal_rag.backstage.permission import Decision, PermissionClient
from portal_rag.backstage.plugin_tokens import PluginTokens
from portal_rag.backstage.search import SearchClient
from portal_rag.clients.backstage_portal import ALLOWED_SECONDS, LISTING_SECONDS, BackstagePortal
from portal_rag.clients.credentials import (
    Credentials,
    ForwardedToken,
    MintedTokens,
    UserCache,
)
from portal_rag.clients.plugin_portal import DECISION_SECONDS, PluginPortal
from portal_rag.domain import Listing, Portal, Timer
from portal_rag.errors import NotAllowedError
from portal_rag.principals import PortalUser, Principal, RepresentedUser

CredentialsOf = Callable[[Principal], Credentials]


def forwarded(principal: Principal) -> Credentials:
    """Act with the user's own token.

    Raises:
        NotAllowedError: whoever asks brought no such token.
    """
    if not isinstance(principal, PortalUser):
        raise NotAllowedError("Only a Backstage user can ask here")
    return ForwardedToken(principal)


def minted_by(signer: PluginTokens) -> CredentialsOf:
    """Act as a plugin, with tokens of this signer; each raises NotAllowedError as above."""

    def minted(principal: Principal) -> Credentials:
        if not isinstance(principal, RepresentedUser):
            raise NotAllowedError("Only a Backstage user can ask here")
        return MintedTokens(principal, signer)

    return minted


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Makes views; `permission` is None where Backstage runs with `permission.enabled: false`.

    `as_plugin` says that Backstage takes this service for a plugin, and tells it conditions.
    """

    credentials_of: CredentialsOf
    catalog: CatalogClient
    permission: PermissionClient | None
    search: SearchClient
    document_permissions: DocumentPermissions
    as_plugin: bool
    listings: UserCache[Listing]
    allowances: UserCache[Wanted]
    decisions: UserCache[Decision]

    def portal_of(self, principal: Principal) -> Portal:
        """Open the view of one asker.

        Raises:
            NotAllowedError: it is nobody for whom Backstage could be asked.
        """
        credentials = self.credentials_of(principal)
        seen = BackstagePortal(
            credentials,
            catalog=self.catalog,
            permission=self.permission,
            search=self.search,
            document_permissions=self.document_permissions,
            listings=self.listings,
            allowances=self.allowances,
        )
        if not self.as_plugin:
            return seen
        return PluginPortal(seen, credentials, permission=self.permission, decisions=self.decisions)


def make_views(
    *,
    signer: PluginTokens | None,
    catalog: CatalogClient,
    permission: PermissionClient | None,
    search: SearchClient,
    document_permissions: DocumentPermissions,
    timer: Timer,
) -> Views:
    """Prepare views by plugin tokens if there is a signer, else by the askers' own."""
    return Views(
        credentials_of=minted_by(signer) if signer else forwarded,
        catalog=catalog,
        permission=permission,
        search=search,
        document_permissions=document_permissions,
        as_plugin=signer is not None,
        listings=UserCache(timer, seconds=LISTING_SECONDS),
        allowances=UserCache(timer, seconds=ALLOWED_SECONDS),
        decisions=UserCache(timer, seconds=DECISION_SECONDS),
    )
