"""The tester's toolkit: a lab as an object, its CAs and devices, and assertions about them."""
