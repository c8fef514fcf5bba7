"""Fleets of a lab's own devices."""

from certgate_controlplane.fleet import Behaviour, DeviceIdentity, Fleet
from certgate_controlplane.toolkit.handles import Ca
from certgate_controlplane.toolkit.life import Life


class FleetKeeper(Life):
    """Makes fleets."""

    def fleet(
        self,
        *cas: Ca,
        devices: int = 10,
        group: str = "GID_fleet",
        behaviour: Behaviour | None = None,
    ) -> Fleet:
        """Make a fleet of simulated devices; they connect once it is started.

        Args:
            cas: issue their certificates, in turns.
            devices: how many there are.
            group: what their client identifiers and common names begin with.
            behaviour: how they behave; None for the defaults.

        Raises:
            ValueError: there is no CA, or no device.
            StateError: a CA's key cannot be read.
        """
        if not cas:
            raise ValueError("a fleet needs a CA")
        authorities = [self.state.ca(ca.name) for ca in cas]
        names = [
            f"{group}@@@{cas[number % len(cas)].name}-{number + 1:04}" for number in range(devices)
        ]
        identities = [
            DeviceIdentity.issue(name, authorities[number % len(cas)], self.clock.now)
            for number, name in enumerate(names)
        ]
        return Fleet(self.address, identities, behaviour, cas[0].instance_id)
