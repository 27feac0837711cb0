"""Which columns fit into a width, and how wide each is: one pure function for screen and output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sockview.model.columns import Column
from sockview.model.format_text import cell_width

#: Blanks between two columns.
GAP: Final = 1


def fit_columns(columns: Sequence[Column], width: int, needs: Mapping[str, int]) -> list[tuple[Column, int]]:
    """The columns to show, in their order, with their widths; together with the gaps at most `width` cells.

    `needs` is the widest content of each column in cells (its key -> width); a column that is not
    in it needs its title. Which columns are shown depends on `width` alone, so scrolling never
    makes a column come or go: those that always show, down to their least width, then the others
    by rank while the usual widths of all fit. Width is given first for what the content needs up
    to the usual width, then for all of the content, then up to the usual width; what nobody needs
    stays free at the end of the line.
    """
    shown = _chosen(columns, width)
    if len(shown) == 1:
        return [(shown[0], min(width, max(_need(shown[0], needs), shown[0].usual_width)))]
    widths = [column.min_width for column in shown]
    spare = width - sum(widths) - GAP * (len(shown) - 1)
    wanted = [_need(column, needs) for column in shown]
    usual = [column.usual_width for column in shown]
    for target in ([min(pair) for pair in zip(wanted, usual, strict=True)], wanted, usual):
        spare = _grow(widths, target, spare)
    return list(zip(shown, widths, strict=True))


def _chosen(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns that are shown in this width."""
    always = sorted((column for column in columns if column.always), key=lambda column: column.rank)
    while len(always) > 1 and _total([column.min_width for column in always]) > width:
        always.pop()
    chosen = always if width > 0 else []
    if len(chosen) == sum(column.always for column in columns):
        for column in sorted((c for c in columns if not c.always), key=lambda column: column.rank):
            if _total([c.usual_width for c in (*chosen, column)]) > width:
                break
            chosen = [*chosen, column]
    keys = {column.key for column in chosen}
    return [column for column in columns if column.key in keys]


def _total(widths: list[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _need(column: Column, needs: Mapping[str, int]) -> int:
    need = max(cell_width(column.title), needs.get(column.key, 0), column.min_width)
    return need if column.max_width is None else min(need, column.max_width)


def _grow(widths: list[int], target: list[int], spare: int) -> int:
    """Widen towards the target evenly, a cell at a time, in place; gives what is left to spare."""
    growing = [index for index, width in enumerate(widths) if width < target[index]]
    while spare > 0 and growing:
        for index in growing[:spare]:
            widths[index] += 1
        spare -= min(spare, len(growing))
        growing = [index for index in growing if widths[index] < target[index]]
    return spare
