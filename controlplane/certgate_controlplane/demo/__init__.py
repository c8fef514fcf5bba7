"""The demonstration: real devices, real TLS, and what the two kill switches do to them."""
