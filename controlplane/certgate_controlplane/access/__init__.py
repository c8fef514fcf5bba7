"""Who may call the emulated API: signatures, access keys, policies, and how often."""
