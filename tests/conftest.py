"""What holds for every test."""

import os

from hypothesis import HealthCheck, settings

# Machines are shared and noisy: a slow example says nothing. In CI the examples are the same at
# every run; new ones are looked for elsewhere, by whoever can look into what they find.
settings.register_profile(
    "certgate",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("certgate")
