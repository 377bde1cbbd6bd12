#pragma once
/// How report.html looks. Series colours differ for every common kind of colour vision (after Okabe and Ito),
/// with lighter forms of the same hues on a dark page.

namespace ssl_example {

inline constexpr const char* report_style = R"css(
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b1f27; --soft: #5b6472; --line: #e3e6eb; --tint: #e8f1fa; --accent: #0067a6;
  --edge: rgb(0 0 0 / .16); --warn: #fff4e0; --warn-edge: #d98e04;
  --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #b3569b; --s4: #c98a00; --s5: #3a9fd8; --s6: #7a4a1f;
  --s7: #8a8d1f; --s8: #d1495b; --s9: #6a5acd; --heat: #004f86; --heat-below: #b34700;
  --b0: #5b6472; --b1: #8d96a3; --b2: #3c434e;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #12151a; --card: #1b1f26; --ink: #e8ebf0; --soft: #a0a9b7; --line: #303640; --tint: #18344b; --accent: #6cb8ee;
    --edge: rgb(0 0 0 / .65); --warn: #33280f; --warn-edge: #e0a83a;
    --s0: #58b0f0; --s1: #ff8c42; --s2: #2fcf9d; --s3: #e594cf; --s4: #f2cf52; --s5: #9bd7ff; --s6: #c99a6b;
    --s7: #cfd26a; --s8: #ff8093; --s9: #a99cff; --heat: #6cb8ee; --heat-below: #ff9a52;
    --b0: #b3bac5; --b1: #808a98; --b2: #d9dde3;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: clamp(1.5rem, 1.2rem + 1.6vw, 2.1rem); line-height: 1.2; letter-spacing: -.015em; margin: 0 0 1rem;
  overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; line-height: 1.35; margin: 0 0 .75rem; }
p { margin: 0 0 1rem; max-width: 44rem; overflow-wrap: break-word; }
.notice { background: var(--warn); border-left: 4px solid var(--warn-edge); border-radius: 4px; padding: .7rem 1rem;
  max-width: none; }
blockquote { margin: 0 0 1rem; padding: .1rem 0 .1rem 1rem; border-left: 4px solid var(--line); font-style: italic;
  max-width: 44rem; }
cite { display: block; font-style: normal; color: var(--soft); font-size: .875rem; margin-top: .15rem; }
.verdict { background: var(--tint); border-left: 4px solid var(--accent); border-radius: 4px; padding: .7rem 1rem;
  max-width: none; }
.verdict strong { color: var(--accent); margin-right: .35rem; }
.picture { display: block; max-width: 100%; height: auto; image-rendering: pixelated; }
.soft { color: var(--soft); font-size: .875rem; margin: .6rem 0 0; }
figure { margin: 0 0 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  overflow: hidden; }
figure.drawn { padding: 1.1rem 1.25rem 1rem; }
figcaption { color: var(--soft); font-size: .875rem; padding: .65rem 1.25rem .8rem; border-top: 1px solid var(--line); }
.tiles { list-style: none; margin: 1.5rem 0; padding: 0; display: grid; gap: .75rem;
  grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); }
.tiles li { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: .8rem 1rem;
  display: flex; flex-direction: column; }
.tiles strong { font-size: 1.3rem; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
.what { font-size: .875rem; color: var(--soft); }
.note { font-size: .8125rem; color: var(--soft); }
.scroll { overflow-x: auto; background: linear-gradient(to right, var(--card) 40%, transparent) 0 0 / 2rem 100% local,
  linear-gradient(to left, var(--card) 40%, transparent) 100% 0 / 2rem 100% local,
  linear-gradient(to right, var(--edge), transparent) 0 0 / .7rem 100% scroll,
  linear-gradient(to left, var(--edge), transparent) 100% 0 / .7rem 100% scroll; background-repeat: no-repeat; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; font-variant-numeric: tabular-nums; }
th, td { padding: .5rem .8rem; text-align: left; white-space: nowrap; border-top: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 1.25rem; }
th:last-child, td:last-child { padding-right: 1.25rem; }
thead th { border-top: 0; color: var(--soft); font-size: .8125rem; font-weight: 600; vertical-align: bottom; }
thead th, td.txt { white-space: normal; }
tbody th { font-weight: 500; position: sticky; left: 0; background: var(--card); }
.num { text-align: right; }
.best { font-weight: 700; color: var(--accent); background: var(--tint); }
dl { margin: 0 0 1.25rem; padding: .35rem 1.25rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; columns: 2 18rem; column-gap: 2.5rem; font-size: .9375rem; }
dl div { display: flex; justify-content: space-between; gap: 1rem; padding: .3rem 0; break-inside: avoid; }
dt { color: var(--soft); flex: none; max-width: 60%; }
dd { margin: 0; text-align: right; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.plot { display: block; width: 100%; height: auto; overflow: visible; }
.plot text { fill: var(--ink); }
.plot .tick { fill: var(--soft); font-variant-numeric: tabular-nums; }
.plot .label { fill: var(--soft); }
.grid { stroke: var(--line); stroke-width: 1; }
.axis { stroke: var(--soft); stroke-width: 1; }
.curve { fill: none; stroke-width: 2.2; stroke-linecap: round; stroke-linejoin: round; }
.dense { stroke-width: 1.4; }
.leader { fill: none; stroke-width: 1; opacity: .45; }
.bars { fill: none; stroke-width: 1.4; opacity: .75; }
.band { opacity: .18; }
.dots { fill: none; stroke-linecap: round; opacity: .6; }
.cell { stroke: var(--line); stroke-width: .8; }
.plot .value { font-variant-numeric: tabular-nums; }
.plot .strong { fill: var(--card); }
.plot .halo { font-weight: 600; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round; paint-order: stroke; }
.mark { stroke: var(--card); stroke-width: 1.3; }
.narrow { display: none; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.25rem; margin: 0 0 1.25rem; }
.columns figure { margin: 0; }
.columns .wide { display: none; }
.columns .narrow { display: block; }
.legend { list-style: none; margin: 0 0 .75rem; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem;
  font-size: .875rem; }
.legend li { display: flex; align-items: center; gap: .45rem; }
.legend svg { flex: none; overflow: visible; }
.sheet { display: grid; gap: .35rem; align-items: center; grid-template-columns: repeat(var(--columns), minmax(0, 6rem)); }
.sheet[data-names] { grid-template-columns: minmax(min-content, max-content) repeat(var(--columns), minmax(0, 6rem)); }
.sheet img { display: block; width: 100%; height: auto; image-rendering: pixelated; border-radius: 3px; }
.sheet span { font-size: .8125rem; line-height: 1.3; color: var(--soft); overflow-wrap: break-word; }
.sheet div span { display: block; padding: .15rem 0 .3rem; }
.sheet > span { padding-right: .5rem; }
@media screen and (max-width: 40rem) {
  main { padding: 1.5rem 1rem 3rem; }
  .wide { display: none; }
  .narrow { display: block; }
  figure.drawn { padding: .9rem .75rem .75rem; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .5rem; }
  .tiles li { padding: .65rem .75rem; }
  .tiles strong { font-size: 1.25rem; }
  table { font-size: .8125rem; }
  thead th { font-size: .75rem; }
  th, td { padding: .45rem .35rem; }
  tbody th { white-space: normal; min-width: 5.5rem; }
  th:last-child, td:last-child { padding-right: .75rem; }
  th:first-child, td:first-child { padding-left: .75rem; }
  figcaption { padding: .6rem .75rem .7rem; }
  dl { padding: .3rem .75rem; }
  .sheet { gap: .2rem; }
  .sheet span { font-size: .6875rem; }
}
@media print {
  :root { color-scheme: light; --page: #ffffff; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  .tiles strong { font-size: 1.1rem; }
  figure, .tiles li, dl, .notice { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 9pt; }
  th, td { padding: .3rem .45rem; }
  td.txt { overflow-wrap: anywhere; }
  @page { margin: 16mm; }
}
)css";

}  // namespace ssl_example
