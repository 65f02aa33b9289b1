"""What makes a dataset one to trust: copies found, experts compared."""
