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
        if folder not in self._known:
            if folder in self._grounds:
                self._known[folder] = folder
            elif folder == self._root:
                self._known[folder] = None
            else:
                self._known[folder] = self._ground_of(folder.parent)
        return self._known[folder]
