"""Snapshots: named scenarios in the state directory."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from certgate_controlplane.scenario.errors import ScenarioError, SnapshotUnknown
from certgate_controlplane.scenario.files import file_name, is_file_name

_ENDING = ".json"


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Keeps snapshots, and knows which CAs and devices were made before each of them.

    Attributes:
        state_dir: the state directory.
    """

    state_dir: Path

    def write(self, name: str, scenario: str) -> None:
        """Keep a snapshot, in place of an earlier one of that name.

        Args:
            name: its name.
            scenario: what it holds.

        Raises:
            ScenarioError: the name cannot be one, or the file cannot be written.
        """
        file = self._file(name)
        with _explained(file):
            file.parent.mkdir(exist_ok=True)
            # The list first: a snapshot without one would have nothing removed.
            _replace(self._list_of(file), "".join(f"{made}\n" for made in sorted(self._made())))
            _replace(file, scenario)

    def read(self, name: str) -> bytes:
        """Give what a snapshot holds.

        Args:
            name: its name.

        Raises:
            SnapshotUnknown: there is none.
            ScenarioError: the name cannot be one, or the file cannot be read.
        """
        file = self._file(name)
        if not file.exists():
            raise SnapshotUnknown(f"there is no snapshot {name!r}")
        with _explained(file):
            return file.read_bytes()

    def names(self) -> list[str]:
        """List the snapshots there are, in alphabetical order."""
        files = (self.state_dir / "snapshots").glob(f"*{_ENDING}")
        return sorted(filter(is_file_name, (file.name.removesuffix(_ENDING) for file in files)))

    def remove_made_since(self, name: str | None) -> None:
        """Remove the CAs and devices that were made with `pki` after a snapshot, keys and all.

        Args:
            name: the snapshot; None for the state directory's beginning. Where a snapshot does not
                tell what there was, because somebody else wrote its file, nothing is removed.

        Raises:
            ScenarioError: they cannot be removed.
        """
        kept: set[str] = set()
        if name is not None:
            known = self._list_of(self._file(name))
            if not known.exists():
                return
            with _explained(known):
                kept = set(known.read_text(encoding="utf-8", errors="replace").splitlines())
        made = self._made()
        for folder in sorted(made - kept):
            if folder.rpartition("/devices/")[0] not in made - kept:
                self._remove(self._pki / folder)

    @property
    def _pki(self) -> Path:
        return self.state_dir / "pki"

    def _made(self) -> set[str]:
        found = [*self._pki.glob("[!.]*"), *self._pki.glob("[!.]*/devices/[!.]*")]
        return {folder.relative_to(self._pki).as_posix() for folder in found if folder.is_dir()}

    def _remove(self, folder: Path) -> None:
        with _explained(folder):
            # A name that is free at once, whatever becomes of what was behind it.
            grave = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
            folder.rename(grave)
            shutil.rmtree(grave)

    def _file(self, name: str) -> Path:
        return self.state_dir / "snapshots" / f"{file_name(name, 'the snapshot')}{_ENDING}"

    @staticmethod
    def _list_of(file: Path) -> Path:
        return file.with_suffix(".made")


def _replace(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ScenarioError(f"{path} cannot be used: {error.strerror or error}") from error
