"""Whose files a folder holds, so that no annotation can pull in somebody else's."""

from pathlib import Path


class Territories:
    """Folders with catalog files are the ground of their entities, down to the next such folder.

    What lies below none of them is nobody's, and open to all.
    """

    def __init__(self, root: Path) -> None:
        """Begin without any; `root` and all paths that follow are resolved and inside it."""
        self._root = root
        self._grounds: set[Path] = set()
        self._known: dict[Path, Path | None] = {}

    def claim(self, catalog_file: Path) -> None:
        """Take the file's folder for the ground of its entities."""
        self._grounds.add(catalog_file.parent)
        self._known.clear()

    def is_own(self, folder: Path, catalog_file: Path) -> bool:
        """Whether an entity of that file may call the folder its own.

        It may where its file stands in, or below, the folder whose ground this is.
        """
        ground = self._ground_of(folder)
        return ground is None or catalog_file.parent.is_relative_to(ground)

    def _ground_of(self, folder: Path) -> Path | None:
        on_the_way: list[Path] = []
        ground: Path | None = None
        for each in (folder, *folder.parents):
            if each in self._known:
                ground = self._known[each]
                break
            on_the_way.append(each)
            if each in self._grounds:
                ground = each
                break
            if each == self._root:
                break
        self._known.update(dict.fromkeys(on_the_way, ground))
        return ground
