"""``python -m edge_wbc`` is `edge-wbc`; ``torchrun -m edge_wbc train ...`` starts it on several ranks."""

from edge_wbc.cli.main import main

main()
