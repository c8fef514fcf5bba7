"""What a certificate is, how one is issued, and which ones are registered."""
