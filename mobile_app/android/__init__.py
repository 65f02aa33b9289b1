"""The bridge to Android: the only room that knows pyjnius and python-for-android, neither of which a desktop has."""
