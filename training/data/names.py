"""Names of tumours and scanners, which MIDOG++'s annotation file and its table spell differently."""

TUMOURS = {"canine lymphoma": "canine lymphosarcoma"}
"""The table's name and the paper's, and the annotation file's, which is the one used here."""
SCANNERS = {"Hamammatsu XR": "Hamamatsu XR"}


def tumour_name(name: str) -> str:
    """The one name of a tumour that has two."""
    return TUMOURS.get(name, name)


def scanner_name(name: str) -> str:
    """The one name of a scanner that is spelt in two ways."""
    return SCANNERS.get(name, name)
