"""Pictures of what was run. Needs matplotlib (`pip install 'farpool[plot]'`), which is imported when one is drawn."""

from .chart import timeline

__all__ = ["timeline"]
