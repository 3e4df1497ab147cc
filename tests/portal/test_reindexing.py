"""A real portal changes; the next run brings the index up to date, and touches nothing else."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner
from tenacity import Retrying, stop_after_delay, wait_fixed

from evals.backstage import Portal
from indexer.cli import main
from indexer.running import Surroundings
from indexer.settings import load_indexer_settings
from tests.fakes.embedding import HashingEmbedder
from tests.indexer.building import write_files
from tests.portal.conftest import StartPortal

SHOP, CART, STOCK = (f"component:default/{name}" for name in ("shop", "cart", "stock"))
PEOPLE = """\
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: { name: platform-admins }
spec: { type: team, children: [] }
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: { name: dave }
spec: { memberOf: [platform-admins] }
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: { name: guest }
spec: { memberOf: [] }
"""


def component(name: str, description: str, *, is_public: bool = True) -> str:
    visibility = "public" if is_public else "restricted"
    docs = "annotations: { backstage.io/techdocs-ref: 'dir:.' }" if name == "shop" else ""
    return f"""\
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: {name}
  description: {description}
  labels: {{ visibility: {visibility} }}
  {docs}
spec: {{ type: service, lifecycle: production, owner: platform-admins }}
"""


def publish_docs(folder: Path, pages: Mapping[str, str], *, etag: str) -> None:
    """Publish a site of the shop as `techdocs-cli` would have built it."""
    docs = [
        {"location": name, "title": name or "Home", "text": text} for name, text in pages.items()
    ]
    write_files(
        folder / "default" / "component" / "shop",
        {
            "techdocs_metadata.json": json.dumps({"site_name": "Shop", "etag": etag}),
            "search/search_index.json": json.dumps({"config": {}, "docs": docs}),
            **{
                f"{name}index.html": f"<html><body><article><h1>{name or 'Home'}</h1><p>{text}</p>"
                "</article></body></html>"
                for name, text in pages.items()
            },
        },
    )


class Indexer:
    """`portal-index` over a portal, into one folder."""

    def __init__(self, portal: Portal, directory: Path) -> None:
        self._environ = {
            "PORTAL_RAG_INDEX_DIR": str(directory),
            "PORTAL_RAG_BACKSTAGE_URL": portal.url,
            "PORTAL_INDEX_BACKSTAGE_TOKEN": portal.service_token,
        }

    def run(self) -> dict[str, Any]:
        report = self._invoke("run", "--source", "backstage", "--json")
        [source] = report["sources"]
        counts = ("state", "embedded", "rewritten", "deleted", "unchanged")
        return {"published": report["published"], **{name: source[name] for name in counts}}

    def contents(self) -> dict[str, tuple[int, int]]:
        """Give documents and chunks by part, as `status` says."""
        contents = self._invoke("status", "--json")["contents"]
        return {part: (held["documents"], held["chunks"]) for part, held in contents.items()}

    def _invoke(self, *args: str) -> dict[str, Any]:
        surroundings = Surroundings(
            load_settings=lambda: load_indexer_settings(self._environ),
            load_embedder=lambda _settings: HashingEmbedder(),
        )
        result = CliRunner().invoke(main, args, obj=surroundings)
        assert result.exit_code == 0, result.output
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer


def wait_until_read(portal: Portal, wanted: Mapping[str, str | None]) -> None:
    """Ask the catalog to read its files again, until descriptions are as wanted; None is gone."""
    user = {"Authorization": f"Bearer {portal.user_token('dave')}"}
    with httpx.Client(base_url=f"{portal.url}/api/catalog", headers=user, timeout=30) as client:
        for attempt in Retrying(wait=wait_fixed(0.5), stop=stop_after_delay(120), reraise=True):
            with attempt:
                client.post("/refresh", json={"entityRef": SHOP}).raise_for_status()
                asked = {"entityRefs": list(wanted)}
                items = client.post("/entities/by-refs", json=asked).json()["items"]
                found = [item and item["metadata"]["description"] for item in items]
                assert found == list(wanted.values())


def test_what_was_edited_restricted_and_removed_is_so_in_the_index_after_one_run(
    start_portal: StartPortal, tmp_path: Path
) -> None:
    content, docs = tmp_path / "content", tmp_path / "docs"
    catalog = content / "catalog" / "all.yaml"
    shop, cart, stock = (component(name, f"The {name}.") for name in ("shop", "cart", "stock"))
    write_files(content, {"catalog/all.yaml": ""})
    catalog.write_text(PEOPLE + shop + cart + stock, encoding="utf-8")
    publish_docs(docs, {"": "It sells.", "ops/": "Drain the broker."}, etag="1")
    portal = start_portal(content, docs)
    indexer = Indexer(portal, tmp_path / "index")

    first = indexer.run()
    assert (first["published"], first["embedded"]) == (True, 6)
    assert indexer.contents() == {"backstage/catalog": (4, 4), "backstage/techdocs": (2, 2)}
    assert indexer.run()["published"] is False

    edited = component("shop", "The whole shop.")
    restricted = component("cart", "The cart of some.", is_public=False)
    catalog.write_text(PEOPLE + edited + restricted, encoding="utf-8")
    publish_docs(docs, {"": "It sells.", "ops/": "Drain the queue."}, etag="2")
    wait_until_read(portal, {SHOP: "The whole shop.", CART: "The cart of some.", STOCK: None})
    assert indexer.run() == {
        "published": True,
        "state": "ok",
        "embedded": 3,  # both descriptions and one page
        "rewritten": 0,
        "deleted": 1,
        "unchanged": 2,
    }
    assert indexer.contents() == {"backstage/catalog": (3, 3), "backstage/techdocs": (2, 2)}
    assert indexer.run()["published"] is False
