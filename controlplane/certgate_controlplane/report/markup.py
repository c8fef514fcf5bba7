"""Elements of a page, built as a tree: every text and attribute is escaped when it is written."""

from xml.etree.ElementTree import Element, tostring

from certgate_controlplane.report.words import plain

Child = Element | str


def element(name: str, /, *children: Child, **attributes: str | float) -> Element:
    """Make an element.

    Args:
        name: its name.
        children: elements and texts; texts pass through `words.plain`.
        attributes: an underscore stands for a hyphen, one at the end for nothing.
    """
    made = Element(name)
    for key, value in attributes.items():
        written = plain(value) if isinstance(value, str) else str(round(value, 2))
        made.set(key.rstrip("_").replace("_", "-"), written)
    for child in children:
        _append(made, child)
    return made


def _append(parent: Element, child: Child) -> None:
    if not isinstance(child, str):
        parent.append(child)
    elif len(parent):
        parent[-1].tail = (parent[-1].tail or "") + plain(child)
    else:
        parent.text = (parent.text or "") + plain(child)


def raw(name: str, text: str) -> Element:
    """Make an element of a text of our own that keeps its lines, such as a style sheet.

    Args:
        name: its name.
        text: never a stranger's.
    """
    made = Element(name)
    made.text = text
    return made


def percent(share: float) -> str:
    """Write a position.

    Args:
        share: percent of the width.
    """
    return f"{share:.2f}%"


def document(root: Element) -> str:
    """Write a whole HTML page.

    Args:
        root: its ``html`` element.
    """
    return f"<!DOCTYPE html>\n{tostring(root, encoding='unicode', method='html')}\n"
