/** The look of report.html, light and dark; it needs nothing from outside. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #fbfaf7; --card: #ffffff; --ink: #1d1f23; --soft: #62666d; --rule: #e4e2dc;
  --one: #2563eb; --two: #d9660b; --three: #12876a; --four: #9333ea; --five: #be123c; --six: #64748b;
  --plot-background: transparent;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121418; --card: #1a1d22; --ink: #e9e7e2; --soft: #9a9ea6; --rule: #2c3037;
    --one: #6ea0ff; --two: #ff9d4d; --three: #4cc9a4; --four: #c58bff; --five: #ff7d9a; --six: #94a3b8;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 60rem; margin: 0 auto; padding: 3.5rem 1.5rem 5rem; }
header p { margin: .35rem 0 0; color: var(--soft); }
h1 { font-size: 2.1rem; line-height: 1.15; letter-spacing: -.02em; margin: 0; font-weight: 680; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; letter-spacing: -.01em; margin: 3.25rem 0 .3rem; font-weight: 640; }
h2 + p { margin: 0 0 1rem; color: var(--soft); max-width: 46rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 2rem 0 0; padding: 0; }
.facts div { background: var(--card); border: 1px solid var(--rule); border-radius: .6rem; padding: .8rem 1rem; }
.facts dt { color: var(--soft); font-size: .82rem; }
.facts dd { margin: .1rem 0 0; font-size: 1.45rem; font-weight: 640; letter-spacing: -.01em; font-variant-numeric: tabular-nums; }
.facts dd small { display: block; font-size: .8rem; line-height: 1.3; font-weight: 400; color: var(--soft); letter-spacing: 0; }
figure { margin: 0; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: .6rem; padding: 1rem 1.1rem; }
.card svg { display: block; width: 100%; height: auto; margin-top: .4rem; }
.card text { fill: var(--soft); }
.key { display: inline-flex; align-items: center; gap: .45rem; margin-right: 1.2rem; font-size: .88rem; color: var(--soft); }
.key i { width: 1.1rem; height: .2rem; border-radius: .1rem; background: currentColor; }
.key i.dashed { background: repeating-linear-gradient(90deg, currentColor 0 .35rem, transparent .35rem .55rem); }
img { display: block; max-width: 100%; height: auto; border-radius: .4rem; image-rendering: pixelated; }
figcaption { color: var(--soft); font-size: .85rem; margin-top: .4rem; font-variant-numeric: tabular-nums; }
h3 { font-size: .98rem; margin: 0 0 .15rem; font-weight: 620; }
h3 + p { margin: 0 0 .6rem; color: var(--soft); font-size: .88rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); gap: 1rem; margin-top: 1rem; }
.wide { overflow-x: auto; margin-top: 1rem; }
.wide table { font-size: .84rem; }
.wide td:first-child { font-family: inherit; font-size: inherit; white-space: nowrap; }
.wide th { text-align: right; font-weight: 600; color: var(--soft); font-size: .8rem; padding: 0 .5rem .4rem .7rem; vertical-align: bottom; }
.wide th:first-child { text-align: left; padding-left: 0; }
.wide td { text-align: right; white-space: nowrap; padding-left: .7rem; font-variant-numeric: tabular-nums; }
.wide td:first-child { text-align: left; padding-left: 0; }
.wide small { color: var(--soft); }
.scale { display: flex; align-items: center; gap: .6rem; color: var(--soft); font-size: .85rem; font-variant-numeric: tabular-nums; }
.scale i { flex: 0 1 12rem; height: .6rem; border-radius: .3rem; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 1.4rem; margin-top: 1rem; }
.sides img { width: 100%; }
.strip { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1.1rem; margin-top: 1.4rem; }
.strip img { width: 100%; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
td { border-top: 1px solid var(--rule); padding: .35rem .5rem .35rem 0; vertical-align: top; }
td:first-child { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .85rem; }
td:last-child { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
tr:first-child td { border-top: 0; }
details { margin-top: 1rem; }
summary { cursor: pointer; color: var(--soft); }
footer { margin-top: 4rem; color: var(--soft); font-size: .85rem; border-top: 1px solid var(--rule); padding-top: 1rem; }
@media print { body { background: #fff; } .card, .facts div, figure { break-inside: avoid; } }
`
