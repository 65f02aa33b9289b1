"""The phone's side: screens and sessions around `edge_wbc.core`, which is all it imports.

The app itself comes later; this room is kept so that packaging and the rule of arrows hold from the start.
"""
