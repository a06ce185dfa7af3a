"""The demo's page: one HTML file that needs no network, no script and no other file."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

from raymill import __version__
from raymill.app.demo.part import Fact, Part

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fcfcfb; --ink: #1b1f24; --soft: #5c6670; --rule: #dfe3e6;
  --c0: #9aa7b2; --c1: #b4451f; --c2: #1f6f8b; --yes: #1f7a45; --no: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --ink: #e8eaec; --soft: #9aa4ae; --rule: #2d343b;
    --c0: #6d7a86; --c1: #f08a5d; --c2: #5cc0de; --yes: #6fce97; --no: #ff8a80;
  }
}
body {
  margin: 0 auto; padding: 2rem 1.25rem 3rem; max-width: 62rem;
  background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.25rem 0 .25rem; }
p, figcaption, footer { color: var(--soft); margin: .25rem 0 1rem; max-width: 46rem; }
figure { margin: 1.5rem 0; overflow-x: auto; }
svg { width: 100%; min-width: 42rem; height: auto; display: block; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .key, svg .unit { fill: var(--ink); }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .axis, svg .mark { stroke: var(--soft); stroke-width: 1; }
svg .line { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
svg .dots { fill: none; stroke-width: 3.2; stroke-linecap: round; }
svg .band { stroke: none; opacity: .8; }
svg .line.c0 { stroke: var(--c0); } svg .line.c1 { stroke: var(--c1); }
svg .line.c2 { stroke: var(--c2); stroke-dasharray: 5 4; }
svg .dots.c0 { stroke: var(--c0); } svg .band.c0 { fill: var(--c0); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--rule); text-align: left; }
th { color: var(--soft); font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
ul { padding: 0; list-style: none; }
li b { display: inline-block; min-width: 3.2rem; } .yes b { color: var(--yes); }
.no b { color: var(--no); } .out b { color: var(--soft); }
a { color: var(--c2); }
code { font: .9em ui-monospace, monospace; }
"""


def page(parts: Sequence[Part]) -> str:
    """Put the page together."""
    body = "\n".join(line for part in parts for line in _part(part))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>raymill demo</title>
<style>{STYLE}</style>
</head>
<body>
<h1>raymill demo</h1>
<p>Made by <code>raymill demo</code>, version {escape(__version__)}. Times are UTC.</p>
{body}
</body>
</html>
"""


def _part(part: Part) -> Iterator[str]:
    yield f"<section>\n<h2>{escape(part.title)}</h2>\n<p>{escape(part.lead)}</p>"
    for caption, svg in part.drawings:
        yield f"<figure>\n{svg}\n<figcaption>{escape(caption)}</figcaption>\n</figure>"
    yield from table(part.headings, part.rows)
    yield "<ul>"
    yield from (_fact(fact) for fact in part.facts)
    yield from (_item("out", "—", text) for text in part.left_out)
    yield "</ul>"
    yield f"<p>Written: {', '.join(map(_file, part.files))}</p>\n</section>"


def _file(file: Path) -> str:
    name = escape(f"{file.parent.name}/{file.name}")
    shown = f"<code>{name}</code>"
    return f'<a href="{name}">{shown}</a>' if file.suffix == ".html" else shown


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table as HTML; columns with numbers stand right."""
    rows = list(rows)
    kinds = ["n" if any(_is_number(row[at]) for row in rows) else "" for at in range(len(headings))]
    yield '<div class="scroll"><table>'
    yield _row("th", headings, kinds)
    yield from (_row("td", row, kinds) for row in rows)
    yield "</table></div>"


def _row(cell: str, values: Sequence[str], kinds: Sequence[str]) -> str:
    cells = (
        f'<{cell} class="{kind}">{escape(value)}</{cell}>'
        if kind
        else f"<{cell}>{escape(value)}</{cell}>"
        for value, kind in zip(values, kinds, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"


def _is_number(text: str) -> bool:
    return text.removeprefix("-")[:1].isdigit()


def _fact(fact: Fact) -> str:
    return _item("yes", "✓ yes", fact.text) if fact.holds else _item("no", "✗ no", fact.text)


def _item(kind: str, mark: str, text: str) -> str:
    return f'<li class="{kind}"><b>{mark}</b> {escape(text)}</li>'
