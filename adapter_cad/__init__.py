"""Printed adapters that put a phone's camera on an ocular's axis; imports nothing else of this project.

The parts come later; this room is kept so that packaging and the rule of arrows hold from the start.
"""
