import json
from pathlib import Path

import yaml
from click.testing import CliRunner

from evals.datasets import main


def test_data_is_written_as_a_portal_of_files(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    page = {"id": "docs/a/b.md", "title": "B", "text": "Text."}
    (data / "corpus.jsonl").write_text(json.dumps(page) + "\n", encoding="utf-8")
    entities = [
        {"kind": "Component", "metadata": {"name": "backstage"}, "source_path": "x"},
        {
            "kind": "Component",
            "metadata": {"name": "y", "annotations": {"backstage.io/techdocs-ref": "dir:."}},
        },
    ]
    rows = "".join(json.dumps(entity) + "\n" for entity in entities)
    (data / "catalog_entities.jsonl").write_text(rows, encoding="utf-8")
    shown = CliRunner().invoke(main, [str(data), str(tmp_path / "out")])
    assert "1 pages and 2 entities" in shown.output
    assert (tmp_path / "out/site/docs/a/b.md").read_text("utf-8") == "# B\n\nText.\n"
    written = list(yaml.safe_load_all((tmp_path / "out/catalog.yaml").read_text("utf-8")))
    assert written[0]["metadata"]["annotations"] == {"backstage.io/techdocs-ref": "dir:./site"}
    assert written[1]["metadata"]["annotations"] == {}
    assert "source_path" not in written[0]
