"""Tracking: results as records, and a tracking server that is a view of them."""

from dataenvgym_spec.track.changes import Changes
from dataenvgym_spec.track.refusals import TrackingUnavailable
from dataenvgym_spec.track.run import Tracked, differences, names_of, track

__all__ = ["Changes", "Tracked", "TrackingUnavailable", "differences", "names_of", "track"]
