from pathlib import Path

import pytest
from click.testing import CliRunner

from evals.secrets import formats, main, planted
from tests.indexer.building import component, write_files


@pytest.mark.parametrize("place", ["prose", "yaml"])
def test_all_of_at_least_22_formats_are_redacted_wherever_they_are_planted(place: str) -> None:
    shares = planted(place)
    assert len(shares) == len(formats()) >= 22
    assert {name: share for name, share in shares.items() if share < 1} == {}


def test_alarms_over_pages_are_counted_and_located(tmp_path: Path) -> None:
    password = "Zq7" + "!kLw93xTr"
    pages = {
        "shop.yaml": component("shop", docs="dir:."),
        "docs/index.md": f"# Shop\n\npassword: {password}\n",
        "docs/plain.md": "# Plain\n\nA token is needed.\n",
    }
    shown = CliRunner().invoke(main, [str(write_files(tmp_path, pages))])
    assert shown.exit_code == 0, shown.output
    assert "alarm: component:default/shop/: credential in line" in shown.output
    assert "alarms: 1 of 2 pages" in shown.output
    assert password not in shown.output
