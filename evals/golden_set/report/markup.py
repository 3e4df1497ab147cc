"""Writes HTML and SVG in which every text is escaped, unless it is markup already."""

from html import escape


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | int | None
_VOID = frozenset({"meta", "input", "line", "rect", "circle", "polyline", "path"})


def element(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """Write an element; `class_` is `class`, `_` in a name is `-`, False and None are left out."""
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: Child) -> Markup:
    """Join texts and markup; only texts are escaped."""
    return Markup("".join(_escaped(child) for child in children if child is not None))


def _escaped(child: str | int) -> str:
    return child if isinstance(child, Markup) else escape(str(child))


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f' {name}="{escape(text)}"'
