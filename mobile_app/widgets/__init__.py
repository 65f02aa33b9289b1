"""Kivy widgets of the app's own; each knows nothing of sessions."""
