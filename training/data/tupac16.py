"""A folder in the layout of TUPAC16's mitosis data: a table of figures an image, without a header.

Sources: Veta et al., "Predicting breast tumor proliferation from whole-slide images: the TUPAC16 challenge", Medical
Image Analysis 2019; Bertram et al., "Are pathologist-defined labels reproducible?", iMIMIC 2020, whose folder TUPAC_AL
is laid out the same, with look-alikes beside the figures. mitoses_ground_truth/CASE/IMAGE.csv and the same in
nonmitoses_ground_truth have a line an annotation: row, then column, px. The images are CASE/IMAGE.tif, in the folder or
in those that the published archives of images unpack to, mitoses_image_data*.
"""

from training.data.case_folders import CaseFolders
from training.data.point_tables import PointTables

FIGURES = "mitoses_ground_truth"
FOLDERS = CaseFolders(
    domain="TUPAC16",
    scanner="",
    figures=FIGURES,
    hard_negatives="nonmitoses_ground_truth",
    images="mitoses_image_data*",
)
TUPAC16 = PointTables("TUPAC16", "row, column", FOLDERS.are_in, FOLDERS.tabled_images, f"{FIGURES}/")
