"""What the audience sees: rich in a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

from certgate_controlplane.report import Claim

_BREATH = 1.2
"""Seconds between two chapters, for those who watch."""


class Stage:
    """Shows the demonstration and keeps count of what was claimed.

    Args:
        console: where to show it.

    Attributes:
        claims: what was claimed.
        began: when the demonstration began, milliseconds since the epoch.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._chapter = ""
        self._since = time.monotonic()
        self.claims: list[Claim] = []
        self.began = time.time_ns() // 1_000_000

    @property
    def failed(self) -> list[str]:
        """The claims that were not observed."""
        return [claim.text for claim in self.claims if not claim.observed]

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapter = title
        self._console.print()
        if self._console.is_terminal:
            time.sleep(_BREATH if self.claims else 0)
            self._console.print(Rule(f"[bold]{escape(title)}", align="left"))
        else:
            self._console.print(f"== {title}", markup=False)

    def tell(self, text: str) -> None:
        """Say something that is not a claim."""
        self._console.print(f"  {escape(text)}", style="dim", soft_wrap=True, highlight=False)

    def claim(self, text: str, observed: bool) -> None:
        """State something and whether it was observed."""
        now = time.monotonic()
        self.claims.append(Claim(text, observed, now - self._since, self._chapter))
        self._since = now
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
            self._console.print(f"[bold green]All {len(self.claims)} claims were observed.[/]")
        return not self.failed
