"""Names of data sets, and of tumours and scanners, which MIDOG++'s annotation file and its table spell differently."""

from pathlib import Path

TUMOURS = {"canine lymphoma": "canine lymphosarcoma"}
"""The table's name and the paper's, and the annotation file's, which is the one used here."""
SCANNERS = {"Hamammatsu XR": "Hamamatsu XR"}


def tumour_name(name: str) -> str:
    """The one name of a tumour that has two."""
    return TUMOURS.get(name, name)


def scanner_name(name: str) -> str:
    """The one name of a scanner that is spelt in two ways."""
    return SCANNERS.get(name, name)


def data_set_name(folder: Path) -> str:
    """What a data set's masks and mined look-alikes are known by."""
    return folder.name or folder.resolve().name
