"""A folder of AMIDA13's data, as the challenge gave it out: 23 cases of breast carcinoma, fields of 2000 x 2000 px.

Source: Veta et al., "Assessment of algorithms for mitosis detection in breast cancer histopathology images", Medical
Image Analysis 2015. The images are CASE/IMAGE.tif, cases 01 to 23, 0.25 um/px. A table CASE/IMAGE.csv lies beside its
image or in "ground truth" (ground_truth): a line a figure, row, then column, px. An image without a table shows no
figure if its case has a table, or a folder in "ground truth"; other cases are left out. There are no look-alikes.

The cases are the first 23 of TUPAC16's and are known by the same slides. With these tables in mitoses_ground_truth, as
TUPAC16's archives have them, a folder is read as TUPAC16's.
"""

from pathlib import Path

from algorithm.errors import InputError
from training.data.case_folders import STITCHED_CASES, CaseFolders
from training.data.point_tables import PointTables, TabledImage

FOLDERS = CaseFolders(
    domain="AMIDA13",
    scanner="Aperio ScanScope XT",
    figures="ground[ _]truth",
    beside=True,
    names="[0-9][0-9]/[0-9][0-9]",
)


def _images(folder: Path) -> list[TabledImage]:
    """Raises InputError for more cases than AMIDA13 has."""
    images = FOLDERS.tabled_images(folder)
    for each in images:
        case = each.name.partition("/")[0]
        if not 1 <= int(case) <= STITCHED_CASES:
            raise InputError(
                f"{folder} has tables of case {case}, and AMIDA13 has 01 to {STITCHED_CASES}.",
                "Give AMIDA13's cases alone, or TUPAC16's with the tables in mitoses_ground_truth/.",
            )
    return images


AMIDA13 = PointTables("AMIDA13", "row, column", FOLDERS.are_in, _images, "tables CASE/IMAGE.csv beside CASE/IMAGE.tif")
