"""Looks and behaviour of the report: inline, nothing is loaded from anywhere."""

CSS = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #566172; --paper: #fff; --panel: #f5f7fa;
  --line: #d5dbe3; --good: #1a7f4b; --bad: #c02b2b; --mark: #2b62c4; --warm: #a85f00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #a3adbb; --paper: #12161c;
  --panel: #1a2029; --line: #343d4a; --good: #58c48a; --bad: #ff8080; --mark: #7fabff;
  --warm: #f0b060; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); }
.good { color: var(--good); } .bad { color: var(--bad); } .good, .bad { font-weight: 600; }
td .good, td .bad { white-space: nowrap; }
.verdict { display: inline-block; padding: .15rem .7rem; border: 2px solid; border-radius: 1rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; }
figure { margin: 0; padding: 1rem; background: var(--panel); border: 1px solid var(--line);
  border-radius: .5rem; } figcaption { font-weight: 600; margin-bottom: .4rem; }
figure p { font-size: .85rem; color: var(--soft); }
svg { display: block; width: 100%; height: auto; max-width: 30rem; } svg.wide { max-width: none; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .axis { stroke: var(--soft); } svg .grid { stroke: var(--line); }
svg .ideal { stroke: var(--soft); stroke-dasharray: 4 4; fill: none; }
svg .curve { stroke: var(--mark); stroke-width: 2.5; fill: none; }
svg .dot, svg .bar { fill: var(--mark); } svg .bar { opacity: .55; }
svg .whisker { stroke: var(--ink); stroke-width: 1.5; }
svg .track { fill: var(--line); }
.scroll { overflow-x: auto; margin: .6rem 0 1.4rem; } .scroll table { min-width: 42rem; }
.plots + figure { margin-top: 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem;
  border-bottom: 1px solid var(--line); } th { background: var(--panel); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.cases { table-layout: fixed; } .cases .id { width: 9rem; } .cases .result { width: 7rem; }
.cases .time { width: 6rem; }
.filter { display: flex; flex-wrap: wrap; gap: .8rem; align-items: end; margin: .6rem 0; }
.filter label { display: grid; font-size: .85rem; color: var(--soft); }
input, select { font: inherit; color: inherit; background: var(--paper); padding: .3rem .5rem;
  border: 1px solid var(--soft); border-radius: .3rem; }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
details summary { cursor: pointer; color: var(--mark); }
pre { white-space: pre-wrap; background: var(--panel); border: 1px solid var(--line);
  padding: .6rem; border-radius: .3rem; font-size: .85rem; }
.tag { display: inline-block; font-size: .8rem; border: 1px solid var(--line); padding: 0 .4rem;
  border-radius: .6rem; margin-right: .25rem; color: var(--soft); }
ul.notes { margin: .2rem 0; padding-left: 1.1rem; }
@media print { .filter { display: none; } }
"""

SCRIPT = """
const text = document.getElementById("words");
const result = document.getElementById("result");
const rows = [...document.querySelectorAll("tr[data-result]")];
const shown = document.getElementById("shown");
function filter() {
  const words = text.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    const fits = !result.value || row.dataset.result === result.value;
    const holds = words.every(word => row.textContent.toLowerCase().includes(word));
    row.hidden = !(fits && holds);
    count += row.hidden ? 0 : 1;
  }
  shown.textContent = `${count} of ${rows.length} cases shown`;
}
text.addEventListener("input", filter);
result.addEventListener("change", filter);
filter();
"""
