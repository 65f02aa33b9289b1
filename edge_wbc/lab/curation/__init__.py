"""What makes a dataset one to trust: copies found, experts compared.

Nothing is imported here: worker processes hash without matplotlib.
"""
