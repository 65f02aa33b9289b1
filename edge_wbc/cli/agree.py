"""x"""


def agree() -> None:
    """x."""
