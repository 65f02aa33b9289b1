"""Nucleus and cell of one white cell outlined by a person, to the pixel, and kept with who did it. No Kivy."""
