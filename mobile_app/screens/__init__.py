"""The app's screens: a .kv file says how each looks, a .py file what it does."""
