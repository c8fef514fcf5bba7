"""Where a running lab is."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from certgate_controlplane.settings import LabError


@dataclass(frozen=True, slots=True)
class Address:
    """Where a running lab is; keys of a side that does not run are None.

    Attributes:
        pid: the process.
        api_url: the API, such as ``http://127.0.0.1:8080``.
        mqtts_host: where devices connect.
        mqtts_port: likewise.
        server_ca_file: the certificate that devices have to trust, PEM.
        instance_ids: the instances; the first one serves devices that name none.
        state_dir: the state directory.
    """

    pid: int
    api_url: str | None
    mqtts_host: str | None
    mqtts_port: int | None
    server_ca_file: str | None
    instance_ids: tuple[str, ...]
    state_dir: str

    def write(self, file: Path) -> None:
        """Write it as JSON, atomically: whoever sees the file sees all of it.

        Args:
            file: the ready file.

        Raises:
            LabError: it cannot be written.
        """
        draft = file.with_name(f".{file.name}-{self.pid}")
        try:
            draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
            draft.replace(file)
        except OSError as error:
            raise LabError(f"{file} cannot be written: {error.strerror}") from error
