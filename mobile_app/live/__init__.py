"""What goes on beside the preview: reading fields, calibration, warnings; nothing here knows Kivy."""
