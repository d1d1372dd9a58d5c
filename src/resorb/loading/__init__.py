"""Loading: a path to a `Study`, with the series to measure chosen and the choice explained."""

from resorb.loading.choose import Choice, choose
from resorb.loading.contents import Contents
from resorb.loading.dispatch import load, load_series

__all__ = ["Choice", "Contents", "choose", "load", "load_series"]
