"""The page's style sheet: light and dark, wide and narrow, and on paper."""

LIGHT = """
  --paper: #ffffff; --ground: #f4f6f9; --ink: #16202c; --muted: #566273; --line: #d5dce6;
  --lane: #f3f6fa; --grid: #e3e8ef; --admitted: #0b66c3; --refused: #b45309; --closed: #6b21a8;
  --wrong: #c8102e; --good: #0f7b4f; --good-soft: #e5f5ed; --wrong-soft: #fdeaec;
  --plain-soft: #eaeff6; --inactive: #fdebd0; --deleted: #e6e0ee; --hatching: #cfc4de;
  --on-badge: #ffffff;
"""
"""Colours on a light ground; text has a contrast of 4.5 or more (WCAG 2.2, 1.4.3)."""

DARK = """
  --paper: #161c26; --ground: #0d1219; --ink: #e8edf4; --muted: #a0adbe; --line: #303a49;
  --lane: #1c2430; --grid: #28313f; --admitted: #5cb2ff; --refused: #ffa94d; --closed: #cf9bff;
  --wrong: #ff6b7d; --good: #5cd6a0; --good-soft: #123527; --wrong-soft: #451a22;
  --plain-soft: #212b3a; --inactive: #443018; --deleted: #352a47; --hatching: #4c3e63;
  --on-badge: #0d1219;
"""
"""Colours on a dark ground, likewise."""

_PAGE = """
*, ::before, ::after { box-sizing: border-box }
html { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  color: var(--ink); background: var(--ground); -webkit-text-size-adjust: 100% }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem clamp(.75rem, 3vw, 2rem) 3rem }
h1 { font-size: clamp(1.6rem, 4vw, 2.2rem); line-height: 1.15; margin: 0; letter-spacing: -.02em }
h2 { font-size: 1.2rem; margin: 0 0 .75rem }
h3 { font-size: 1rem; margin: 0; display: flex; gap: .5rem; align-items: center; flex-wrap: wrap }
p { margin: .35rem 0 } bdi, code { overflow-wrap: anywhere }
header p, footer { color: var(--muted) } footer { margin-top: 2rem; font-size: .875rem }
section, .verdict { background: var(--paper); border: 1px solid var(--line); border-radius: 12px;
  padding: clamp(.9rem, 2.5vw, 1.4rem); margin-top: 1.1rem }
.muted, .note { color: var(--muted) } .note { font-size: .875rem }
.verdict { display: flex; gap: .9rem; align-items: flex-start; border-width: 1px 1px 1px 6px }
.verdict p { margin: 0 } .verdict .big { font-size: 1.15rem; font-weight: 650 }
.verdict .sign { font-size: 1.5rem; line-height: 1.15; font-weight: 700 }
.verdict.good { background: var(--good-soft); border-color: var(--good) }
.verdict.wrong { background: var(--wrong-soft); border-color: var(--wrong) }
.verdict.open { background: var(--plain-soft); border-color: var(--muted) }
.good > .sign, .good-text { color: var(--good) } .wrong > .sign, .alarm { color: var(--wrong) }
.alarm { font-weight: 700 }
.tiles { display: grid; gap: .75rem; margin: 1.1rem 0 0;
  grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)) }
.tiles > div { background: var(--paper); border: 1px solid var(--line); border-radius: 12px;
  padding: .7rem 1rem } .tiles dt { color: var(--muted); font-size: .875rem }
.tiles dd { margin: 0; font-size: 1.6rem; font-weight: 650; line-height: 1.25 }
.tiles small { font-size: .8rem; font-weight: 400; color: var(--muted); display: block }
.cards { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(21rem, 100%), 1fr)) }
.card { border: 1px solid var(--line); border-radius: 10px; padding: 1rem; min-width: 0;
  break-inside: avoid } .card.bad { border: 2px solid var(--wrong) }
.card .big { font-size: 1rem; text-wrap: balance; font-weight: 650; margin: .4rem 0 .2rem }
.number { display: inline-grid; place-items: center; width: 1.5rem; height: 1.5rem; flex: none;
  border-radius: 50%; color: var(--on-badge); background: var(--refused); font-size: .8rem }
.number.active { background: var(--good) } .number.delete { background: var(--closed) }
.facts { margin: .5rem 0 0; display: grid; grid-template-columns: auto 1fr; gap: .1rem .9rem;
  font-size: .9rem } .facts dt { color: var(--muted) } .facts dd { margin: 0 }
.scroll { overflow-x: auto } .scroll:focus-visible { outline: 2px solid var(--admitted) }
table { border-collapse: collapse; width: 100%; font-size: .9rem;
  font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--muted); padding-bottom: .4rem }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-top: 1px solid var(--line);
  vertical-align: top; min-width: 4rem } thead th { border-top: 0; font-size: .82rem;
  color: var(--muted) }
tbody th { font-weight: 600 } td.figure, th.figure { text-align: right; white-space: nowrap }
.wide, .word { overflow-wrap: anywhere; min-width: 9rem } .word { min-width: 13.5rem }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .6rem 0 0; padding: 0;
  list-style: none; font-size: .875rem; color: var(--muted) }
.legend li { display: flex; align-items: center; gap: .35rem } .legend svg { flex: none }
.claims { list-style: none; margin: .3rem 0 1rem; padding: 0 }
.claims li { padding-left: 1.5rem; text-indent: -1.5rem } .claims b { display: inline-block;
  width: 1.5rem; text-indent: 0 }
"""

_PICTURE = """
svg { display: block } .definitions { position: absolute }
.picture { min-width: 320px; overflow: visible } .closeup { min-width: 270px }
.picture text { font-size: 12px; fill: var(--ink) } .picture .muted { fill: var(--muted) }
.picture .name, .picture .strong { font-weight: 650 } .picture .alarm { fill: var(--wrong) }
.picture .name { unicode-bidi: isolate }
.picture .tick, .picture .state { font-size: 11px; fill: var(--muted); text-anchor: middle }
.picture .first { text-anchor: start } .picture .last, .picture .state, .picture .end {
  text-anchor: end } .picture .middle { text-anchor: middle }
.picture .label { paint-order: stroke; stroke: var(--paper); stroke-width: 3px }
.lane { fill: var(--lane) } .grid { stroke: var(--grid) } .axis { stroke: var(--muted) }
.cut { stroke: var(--muted); stroke-dasharray: 1 3 }
.band.inactive { fill: var(--inactive) } .band.deleted { fill: url(#hatch) }
.band.active { fill: var(--good-soft) }
.hatching { stroke: var(--hatching); stroke-width: 1.5; fill: none }
.mark { stroke: var(--paper); stroke-width: 1.2 } .bar { stroke: none }
.admitted { fill: var(--admitted) } .refused { fill: var(--refused) }
.mark.closed { fill: none; stroke: var(--closed); stroke-width: 2.4 } .bar.closed {
  fill: var(--closed) }
.wrong.mark { fill: var(--wrong); stroke: var(--paper) } .bar.wrong { fill: var(--wrong) }
.mark.call { stroke: var(--muted); stroke-width: 2 } .bar.call { fill: var(--muted) }
.mark.failed { fill: none; stroke: var(--wrong); stroke-width: 1.8 } .bar.failed {
  fill: var(--wrong) }
.answer { stroke: var(--refused); stroke-width: 1.6 } .call-bar { fill: var(--muted) }
.answer.active { stroke: var(--good) } .answer.delete { stroke: var(--closed) }
.badge circle { fill: var(--refused) } .badge.active circle { fill: var(--good) }
.badge.delete circle { fill: var(--closed) }
.picture .badge text { fill: var(--on-badge); text-anchor: middle; font-weight: 650;
  font-size: 11px }
.distance { stroke: var(--ink); stroke-width: 1.4 }
"""

_PAPER = """
@media (max-width: 40rem) { .picture .state { display: none } }
@media print { body { max-width: none; padding: 0 } .verdict, .tiles > div, .picture, tr {
  break-inside: avoid } h2, h3, caption { break-after: avoid }
  html { font-size: 12px; background: #fff } .scroll { overflow: visible } .picture { min-width: 0 }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact } }
"""

STYLE = (
    f":root {{ color-scheme: light dark; {LIGHT} }}\n"
    f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}\n"
    f"{_PAGE}{_PICTURE}{_PAPER}"
)
"""All of it."""
