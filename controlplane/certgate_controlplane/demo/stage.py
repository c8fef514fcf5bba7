"""What the audience sees: rich in a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

_BREATH = 1.2
"""Seconds between two chapters, for those who watch."""


class Stage:
    """Shows the demonstration and keeps count of what was claimed.

    Args:
        console: where to show it.

    Attributes:
        failed: the claims that were not observed.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._observed = 0
        self.failed: list[str] = []

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._console.print()
        if self._console.is_terminal:
            time.sleep(_BREATH if self._observed else 0)
            self._console.print(Rule(f"[bold]{escape(title)}", align="left"))
        else:
            self._console.print(f"== {title}", markup=False)

    def tell(self, text: str) -> None:
        """Say something that is not a claim."""
        self._console.print(f"  {escape(text)}", style="dim", soft_wrap=True, highlight=False)

    def claim(self, text: str, observed: bool) -> None:
        """State something and whether it was observed."""
        if observed:
            self._observed += 1
        else:
            self.failed.append(text)
        mark = "[green]✓[/]" if observed else "[bold red]✗ not observed:[/]"
        self._console.print(f"  {mark} {escape(text)}", soft_wrap=True, highlight=False)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show a table."""
        if not self._console.is_terminal:
            for row in rows:
                cells = (f"{name}: {cell}" for name, cell in zip(columns, row, strict=True))
                self._console.print(f"    {', '.join(cells)}", soft_wrap=True, markup=False)
            return
        table = Table(*columns, box=None, padding=(0, 2), header_style="bold dim")
        for row in rows:
            table.add_row(*map(escape, row))
        self._console.print(table)

    def curtain(self) -> bool:
        """Sum up.

        Returns:
            Whether everything that was claimed was observed.
        """
        self._console.print()
        if self.failed:
            self._console.print(f"[bold red]Not observed: {len(self.failed)} of the claims.[/]")
        else:
            self._console.print(f"[bold green]All {self._observed} claims were observed.[/]")
        return not self.failed
