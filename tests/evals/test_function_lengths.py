from pathlib import Path

from evals.function_lengths import main


def write(path: Path, *lengths: int) -> None:
    functions = (f"def f{n}():\n" + "    pass\n" * (length - 1) for n, length in enumerate(lengths))
    path.write_text("".join(functions), encoding="utf-8")


def test_short_functions_pass(tmp_path: Path) -> None:
    write(tmp_path / "a.py", 2, 5, 40)
    assert main([str(tmp_path)]) == 0


def test_a_long_function_a_large_median_and_a_long_module_do_not(tmp_path: Path) -> None:
    write(tmp_path / "a.py", 2, 2, 41)
    assert main([str(tmp_path)]) == 1
    write(tmp_path / "a.py", 11, 11, 12)
    assert main([str(tmp_path)]) == 1
    write(tmp_path / "a.py", *[5] * 61)
    assert main([str(tmp_path)]) == 1
