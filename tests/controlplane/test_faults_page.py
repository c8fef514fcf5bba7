"""The page about faults says what there is, and no more."""

from pathlib import Path

from certgate_controlplane.faults import FAULTS, PRESETS

PAGE = Path(__file__).parents[2] / "controlplane" / "faults.md"


def rows(heading: str) -> list[list[str]]:
    """Give the cells of the table below a heading."""
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def code(cell: str) -> list[str]:
    """Give what a cell has in code."""
    return cell.split("`")[1::2]


def test_every_fault_with_its_fields() -> None:
    """Each fault has its row, which names its fields, and no row is of anything else."""
    found = rows("The faults")
    assert [code(cells[0]) for cells in found] == [[name] for name in FAULTS]
    for cells in found:
        fault = FAULTS[code(cells[0])[0]]
        fields = [name for name in code(cells[1]) if name not in {"at-once", "after", "never"}]
        assert set(fields) == set(fault.field_names())
        assert all(cells[2:])


def test_every_common_field_with_its_kind() -> None:
    """The table of common fields says what fits each."""
    kind_of = FAULTS["connect-refuse"].kind_of
    for cells in rows("When a fault strikes"):
        (name,) = code(cells[0])
        assert name == "devices" or cells[1].startswith(kind_of(name).meaning)


def test_every_preset() -> None:
    """Each preset has its row, with its seconds and a source."""
    found = rows("Cloud presets")
    assert [cells[:3] for cells in found] == [
        [f"`{name}`", str(preset.seconds), preset.imitates] for name, preset in PRESETS.items()
    ]
    assert all(cells[3] for cells in found)
