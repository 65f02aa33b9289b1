"""Where frames come from: a folder, a webcam or video, the phone's camera, all behind `frames.FrameSource`."""
