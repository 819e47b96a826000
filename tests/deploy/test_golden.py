"""The chart renders what it rendered when somebody last looked."""

import difflib
import pathlib

import chart

GOLDEN = pathlib.Path(__file__).parent / "golden"


def test_lint_has_no_complaint():
    run = chart.helm("lint", "--strict", chart.CHART, "--kube-version", "1.32.0")
    assert run.returncode == 0, run.stdout + run.stderr
    for case in chart.CASES:
        run = chart.helm("lint", "--strict", chart.CHART, "--kube-version", "1.32.0", "--values", case)
        assert run.returncode == 0, run.stdout + run.stderr


def test_every_rendering_equals_its_golden_file(rendered, request):
    text = chart.golden_text(rendered.text)
    golden = GOLDEN / (rendered.name + ".yaml")
    if request.config.getoption("--update"):
        golden.write_text(text)
    assert golden.exists(), "%s is missing: tests/deploy/run.sh --update" % golden
    difference = list(difflib.unified_diff(golden.read_text().splitlines(True), text.splitlines(True), str(golden), "rendered"))
    assert not difference, "".join(difference) + "\nIf that is meant: tests/deploy/run.sh --update"


def test_no_golden_file_without_its_values():
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == {case.stem for case in chart.CASES}


def test_generated_secrets_differ_and_are_long_enough():
    first, second = (chart.Rendered.with_values().one("Secret", "hf-holdfast")["stringData"]["publish-tokens"] for _ in range(2))
    assert first != second and len(first) == 40
