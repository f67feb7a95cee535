"""Baselines and groupings of samples by name, and what each is, in words that the report prints."""

from typing import Final, Literal

BASELINES: Final = {
    "mean_field": "the mean training target per unit of source scale, times the scan's own scale",
    "plane_wave_spectrum": "the plane waves of the scan (zero outside it), carried to the target plane",
    "equivalent_dipoles": "the field of electric and magnetic dipoles below the scan that fit it, placed and damped "
    "as is best on val_fixed among the settings of eval.equivalent_dipoles",
    "sparse_sources": "the field of the few sources below the scan that a sparse search finds, with nothing learned",
    "linear_operator": "the complex matrix from scan to field that fits the training samples",
}
"""The baselines by name, in the order of the report, and what each is."""

UNTRAINED: Final = ("plane_wave_spectrum", "equivalent_dipoles", "sparse_sources")
"""The baselines that learn nothing from samples."""

REFERENCES: Final = {
    "nec": "wire and loop structures solved by a method-of-moments program (NEC2)",
    "boards": "printed-circuit boards solved by a finite-difference program (openEMS); beyond: with currents "
    "outside the scan, cable: with a cable attached",
}
"""The reference sets that come with the project, and what each is; a set of the user's own is named by the user."""

Grouping = Literal["family_size", "depth", "elements"]

GROUPINGS: Final[dict[Grouping, str]] = {
    "family_size": "rows of the sample's scene family in the store's sample table, repeats and all sets included",
    "depth": "distance from the source plane down to the shallowest source, m, from the store's parameters whose "
    "name ends in _z",
    "elements": "current elements of the scene, the store's parameter of that name",
}
"""How samples are grouped, and by which number."""
