"""The sample region as a data set: what is drawn in it is what training reads."""

import json
from pathlib import Path

import numpy as np

from samples.as_midogpp import SAMPLES, main
from training.data.midogpp import read_midogpp


def test_training_reads_what_is_drawn(tmp_path: Path) -> None:
    assert main([str(tmp_path / "drawn")]) == 0
    found = read_midogpp(tmp_path / "drawn")
    assert (len(found.regions), found.off_tissue) == (4, 0)
    drawn = json.loads((SAMPLES / "truth.json").read_text())["region"]
    for region in found.regions:
        assert (region.width, region.height, region.spacing_um) == (1024, 1024, 0.25)
        for points, entries in ((region.figures, drawn["figures"]), (region.hard_negatives, drawn["look_alikes"])):
            np.testing.assert_array_equal(points, [(entry["x"], entry["y"]) for entry in entries])


def test_a_wrong_call_is_wrong_usage() -> None:
    assert main([]) == 2
