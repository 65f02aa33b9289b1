"""The command line: the one place that knows every room, and the only one that prints."""
