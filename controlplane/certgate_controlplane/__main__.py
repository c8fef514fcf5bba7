"""``python -m certgate_controlplane`` is ``certgate``."""

from certgate_controlplane.cli import main

main()
