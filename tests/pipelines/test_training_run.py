"""A training run on the sample's shards: `examples/train.py`, killed and resumed."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipelines import flow

pytest.importorskip("torch")

STEPS = 40
KILLED_AT = 23


def command(output: Path, checkpoint: Path) -> list[str]:
    script = str(flow.REPOSITORY / "examples" / "train.py")
    options = ["--steps", str(STEPS), "--sequence-length", "128", "--batch-size", "4"]
    saving = ["--checkpoint", str(checkpoint), "--every", "10"]
    return [sys.executable, script, str(output), *options, *saving]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(flow.REPOSITORY), "OMP_NUM_THREADS": "1"}


def losses(lines: list[str]) -> dict[int, str]:
    """The loss of each step, to the last bit."""
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return {line["step"]: line["bits"] for line in found}


def run(output: Path, checkpoint: Path, *more: str) -> list[str]:
    done = subprocess.run(
        [*command(output, checkpoint), *more],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    return done.stdout.splitlines()


def killed_run(output: Path, checkpoint: Path) -> list[str]:
    """The lines of a run that is killed as soon as it has told of a step."""
    lines: list[str] = []
    with subprocess.Popen(
        command(output, checkpoint), env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if f'"step": {KILLED_AT},' in line:
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    return lines


def test_a_killed_run_goes_on_with_the_same_losses(serial_output: Path, tmp_path: Path) -> None:
    whole = run(serial_output, tmp_path / "whole.pt")
    wanted = losses(whole)
    assert sorted(wanted) == list(range(1, STEPS + 1))
    killed = losses(killed_run(serial_output, tmp_path / "killed.pt"))
    resumed = losses(run(serial_output, tmp_path / "killed.pt"))
    # The last checkpoint was that of a step whose loss had been told before the kill.
    assert 1 < min(resumed) <= KILLED_AT + 1
    assert killed.items() <= wanted.items()
    assert resumed == {step: loss for step, loss in wanted.items() if step >= min(resumed)}
    values = [float.fromhex(loss) for loss in wanted.values()]
    assert sum(values[-10:]) < 0.95 * sum(values[:10])
    found = re.match(r"an epoch takes (\d+) steps; (\d+) if each row were padded", whole[0])
    assert found is not None
    assert int(found[1]) < int(found[2])
    assert re.fullmatch(r"[\d,]+ tokens/s on (cpu|cuda), [\d.]+% of it waiting", whole[-1])


def test_a_profile_is_kept(serial_output: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    lines = run(serial_output, tmp_path / "none.pt", "--steps", "8", "--trace", str(trace))
    names = {event.get("name") for event in json.loads(trace.read_text())["traceEvents"]}
    assert {"ProfilerStep#5", "aten::scaled_dot_product_attention"} <= names
    assert lines[-1].startswith(f"{trace} has ")


def test_the_time_of_copies_beside_kernels_is_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(flow.REPOSITORY / "examples"))
    from training_clock import copies_beside_kernels

    def event(kind: str, name: str, start: float, end: float) -> dict[str, object]:
        return {"cat": kind, "name": name, "ts": start, "dur": end - start}

    copies = [
        event("gpu_memcpy", "Memcpy HtoD (Pinned -> Device)", 10, 20),
        event("gpu_memcpy", "Memcpy HtoD (Pinned -> Device)", 40, 50),
        event("gpu_memcpy", "Memcpy DtoH (Device -> Pinned)", 0, 100),
        event("cuda_runtime", "cudaMemcpyAsync HtoD", 0, 100),
        {"ph": "M", "name": "process_name"},
    ]
    kernels = [event("kernel", "gemm", *span) for span in [(0, 12), (11, 14), (18, 30), (13, 13.5)]]
    assert copies_beside_kernels(copies) == (2, 0)
    assert copies_beside_kernels(kernels) == (0, 0)
    assert copies_beside_kernels(copies + kernels) == (2, 6 / 20)


@pytest.mark.parametrize("name", ["train.py", "read_batches.py"])
def test_an_example_tells_a_mistake_without_a_traceback(name: str, tmp_path: Path) -> None:
    script = str(flow.REPOSITORY / "examples" / name)
    for arguments, message in (([], "required: out"), ([str(tmp_path)], "no dataset at ")):
        done = subprocess.run(
            [sys.executable, script, *arguments],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr
