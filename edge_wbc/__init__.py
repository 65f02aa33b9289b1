"""edge-wbc: smartphone microscopy of white blood cells, from printed adapter to verified model pack.

Research use, not for diagnosis.
"""

__version__ = "0.1.0"
