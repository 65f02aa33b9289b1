"""What the phone also runs: NumPy, OpenCV and the standard library, nothing else of ours."""
