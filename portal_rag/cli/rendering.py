"""Answers and checks for a person at a terminal."""

import json
from typing import Any

import click
from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from portal_rag.cli.doctor import Check


def show_answer(answer: dict[str, Any], *, as_json: bool) -> None:
    """Print an answer: the text, how far to trust it, and where it comes from."""
    if as_json:
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    Console().print(Markdown(answer["answer"], hyperlinks=False), "")
    console = Console(soft_wrap=True)
    console.print(Text(_verdict(answer), style="bold"))
    for source in answer["sources"]:
        console.print(Text(_cited(source)))
    for warning in answer["warnings"]:
        console.print(Text(f"Warning: {warning['message']}", style="yellow"))
    for offer in answer["followUps"]:
        console.print(Text(f"→ {offer['label']}: {offer.get('url') or offer.get('question')}"))


def _verdict(answer: dict[str, Any]) -> str:
    confidence = answer.get("confidence")
    if not confidence:
        return f"status {answer['status']}"
    reasons = "; ".join(confidence["reasons"])
    return f"status {answer['status']}, confidence {confidence['level']} ({reasons})"


def _cited(source: dict[str, Any]) -> str:
    changed = f", changed {source['modifiedAt'][:10]}" if source["modifiedAt"] else ""
    stale = ", STALE" if source["stale"] else ""
    read = f"read {source['fetchedAt']}{changed}{stale}"
    return f"[{source['id']}] {source['title']} {source['url']} ({read})"


def show_check(check: Check) -> None:
    """Print one line, and below it what to do if the check failed."""
    console = Console(soft_wrap=True)
    mark = Text("ok  ", style="green") if check.ok else Text("FAIL", style="bold red")
    console.print(mark, Text(f"{check.name}: {check.finding}"))
    if check.advice:
        console.print(Text(f"     {check.advice}"))
