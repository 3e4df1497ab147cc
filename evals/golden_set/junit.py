"""Writes a run as JUnit XML: a suite for each first tag, a test for each case, and the gates."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from evals.golden_set.records import CaseRecord, GateRecord, RunRecord

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNTAGGED = "untagged"


def write_junit(record: RunRecord, path: Path) -> None:
    """Write what CI systems show of tests."""
    root = ET.Element("testsuites", name="portal-evals")
    for tag in dict.fromkeys(_suite_of(each) for each in record.cases):
        _suite(root, tag, [each for each in record.cases if _suite_of(each) == tag])
    _gates(root, record.gates)
    ET.indent(root)
    path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _suite_of(each: CaseRecord) -> str:
    return each.case.tags[0] if each.case.tags else _UNTAGGED


def _suite(root: ET.Element, tag: str, cases: Sequence[CaseRecord]) -> None:
    suite = ET.SubElement(
        root,
        "testsuite",
        name=_clean(tag),
        tests=str(len(cases)),
        failures=str(sum(each.passed is False for each in cases)),
        skipped=str(sum(each.passed is None for each in cases)),
        time=f"{sum(each.seconds for each in cases):.3f}",
    )
    for each in cases:
        _test(suite, tag, each)


def _test(suite: ET.Element, tag: str, each: CaseRecord) -> None:
    test = ET.SubElement(
        suite,
        "testcase",
        name=each.case.id,
        classname=_clean(f"portal-evals.{tag}"),
        time=f"{each.seconds:.3f}",
    )
    if each.passed is None:
        ET.SubElement(test, "skipped", message=_clean(each.skipped))
    elif not each.passed:
        failure = ET.SubElement(test, "failure", message=_clean("; ".join(each.notes)))
        failure.text = _clean(_story(each))


def _story(each: CaseRecord) -> str:
    asker = each.case.asker or "the default asker"
    answer = json.dumps(each.answer, indent=1, ensure_ascii=False) if each.answer else each.problem
    return f"{asker} asked: {each.case.question}\n\n{answer}"


def _gates(root: ET.Element, gates: Sequence[GateRecord]) -> None:
    if not gates:
        return
    failures = str(sum(not gate.holds for gate in gates))
    suite = ET.SubElement(
        root, "testsuite", name="gates", tests=str(len(gates)), failures=failures, skipped="0"
    )
    for gate in gates:
        test = ET.SubElement(suite, "testcase", name=gate.metric, classname="portal-evals.gates")
        if not gate.holds:
            measured = "not measured" if gate.measured is None else f"{gate.measured:.4g}"
            ET.SubElement(test, "failure", message=f"{measured}, the bound is {gate.bound:g}")


def _clean(text: str) -> str:
    """Leave out what XML cannot hold."""
    return _NOT_XML.sub("", text)
