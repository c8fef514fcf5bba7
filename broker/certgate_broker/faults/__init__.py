"""Faults on purpose at the devices' door: none of this runs on a connection while none is set."""
