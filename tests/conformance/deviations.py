"""Every deviation that can be planted, by name; the files that are imported here hold them."""

from conformance import (  # noqa: F401  # each registers its deviations
    deviations_of_answers,
    deviations_of_callers,
    deviations_of_consents,
    deviations_of_queries,
)
from conformance.planting import DEVIATIONS, Deviation

__all__ = ["DEVIATIONS", "Deviation"]
