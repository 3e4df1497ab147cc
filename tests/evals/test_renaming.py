from pathlib import Path

import yaml

from evals.renaming import Renaming, rename_portal

EXAMPLE = Path(__file__).parents[2] / "deploy" / "example-portal"


def names(portal: Path) -> set[str]:
    return {
        entity["metadata"]["name"]
        for path in (portal / "catalog").glob("*.yaml")
        for entity in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if entity and entity["kind"] != "Location"
    }


def test_no_entity_keeps_its_name_and_none_is_lost(tmp_path: Path) -> None:
    renaming = rename_portal(EXAMPLE, tmp_path / "renamed", seed=1)
    assert names(tmp_path / "renamed").isdisjoint(names(EXAMPLE))
    assert len(names(tmp_path / "renamed")) == len(names(EXAMPLE)) == len(renaming.names)


def test_documents_speak_of_the_new_names(tmp_path: Path) -> None:
    renaming = rename_portal(EXAMPLE, tmp_path / "renamed", seed=1)
    text = "".join(path.read_text("utf-8") for path in (tmp_path / "renamed").rglob("*.md"))
    assert renaming.names["payments-gateway"] in text
    assert "payments-gateway" not in text


def test_the_seed_fixes_the_names(tmp_path: Path) -> None:
    first = rename_portal(EXAMPLE, tmp_path / "1", seed=1)
    assert first == rename_portal(EXAMPLE, tmp_path / "2", seed=1)
    assert first != rename_portal(EXAMPLE, tmp_path / "3", seed=2)


def test_only_whole_names_are_replaced_and_longer_ones_first() -> None:
    renaming = Renaming(names={"cart": "zebra", "cart-service": "heron"}, titles={"Cart": "Zebra"})
    assert renaming.apply("cart-service of cart, cartoon; Cart") == "heron of zebra, cartoon; Zebra"
