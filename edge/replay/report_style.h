// The style of a report's page. Its colours of lines are those of Okabe and Ito, which colour-blind people tell apart.
#pragma once

#include <string_view>

namespace stethos::edge {

inline constexpr std::string_view report_style = R"css(
:root { color-scheme: light dark; --ink: #1b1f24; --muted: #57606a; --paper: #ffffff; --grid: #e4e7eb; --line: #0072b2;
  --warn: #fff4d6; --m0: #d55e00; --m1: #009e73; --m2: #a8508a; --m3: #b07a00; --m4: #2b3ea8; --m5: #6b7480; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --muted: #9aa4af; --paper: #14171a; --grid: #2b3137;
  --line: #56b4e9; --warn: #3a3016; --m0: #ff8a3c; --m1: #1fc79a; --m2: #e08fc0; --m3: #e6b422; --m4: #97a6ff; --m5: #98a2ad; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 960px; font: 15px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  color: var(--ink); background: var(--paper); overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; padding-top: .7rem; border-top: 2px solid var(--grid); }
h3 { font-size: 1.05rem; margin: 1.4rem 0 .2rem; }
a { color: inherit; }
small, .hint, .more, .none, .notes, figcaption { color: var(--muted); font-size: .87rem; }
figcaption b, .value { color: var(--ink); }
.hint, .more, .none { margin: .1rem 0 .5rem; }
.facts { display: flex; flex-wrap: wrap; gap: .35rem 1.6rem; margin: 0 0 .8rem; }
dt { color: var(--muted); font-size: .8rem; }
dd { margin: 0; }
.warnings { background: var(--warn); border-left: 4px solid var(--m3); padding: .5rem .5rem .5rem 1.8rem; margin: .8rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; margin: .3rem 0 .6rem; }
th, td { padding: .25rem .9rem .25rem 0; text-align: right; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid var(--grid); }
th { font-weight: 600; }
th[scope=row], thead th:first-child { text-align: left; }
thead th { vertical-align: bottom; color: var(--muted); font-weight: 600; }
.latest th { white-space: normal; overflow-wrap: break-word; min-width: 6rem; max-width: 16rem; }
.latest tbody th { min-width: min(13rem, 40vw); }
.latest th[scope=row], .latest thead th:first-child { position: sticky; left: 0; background: var(--paper); }
th small { display: block; font-weight: 400; font-size: .93em; }
.lines th, .lines td { padding-top: .1rem; padding-bottom: .1rem; }
.lines th { font-weight: 400; }
tr.strong th, tr.strong td { font-weight: 700; }
sup { font-size: .7em; line-height: 0; }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .4em; }
.s0 { background: var(--m0); } .s1 { background: var(--m1); } .s2 { background: var(--m2); }
.s3 { background: var(--m3); } .s4 { background: var(--m4); } .s5 { background: var(--m5); }
figure { margin: .3rem 0 .8rem; }
.trends { display: grid; grid-template-columns: repeat(auto-fill, minmax(270px, 1fr)); gap: .5rem 1rem; }
.trends figure { margin: 0; display: flex; flex-direction: column; justify-content: flex-end; min-width: 0; }
svg { display: block; width: 100%; height: auto; }
svg.large { min-width: 720px; font-size: 12px; }
svg.small { font-size: 11px; }
svg text { fill: var(--muted); }
svg .ty { text-anchor: end; }
svg .tx { text-anchor: middle; }
svg .label { fill: var(--ink); }
svg .label.strong { font-weight: 700; }
.axis { stroke: var(--muted); stroke-width: 1; }
.grid { stroke: var(--grid); stroke-width: 1; }
.line, .dots { fill: none; stroke: var(--line); stroke-width: 1.2; stroke-linejoin: round; stroke-linecap: round; }
.dots { stroke-width: 4; }
.mark { stroke-width: 1.2; }
.m0 { stroke: var(--m0); stroke-dasharray: 7 3; } .m1 { stroke: var(--m1); stroke-dasharray: 4 2; }
.m2 { stroke: var(--m2); stroke-dasharray: 8 2 2 2; } .m3 { stroke: var(--m3); stroke-dasharray: 3 4; }
.m4 { stroke: var(--m4); stroke-dasharray: 8 2 2 2 2 2; } .m5 { stroke: var(--m5); stroke-dasharray: 1.5 3; }
.mark.strong { stroke-width: 2; stroke-dasharray: none; }
footer { margin-top: 2rem; color: var(--muted); font-size: .8rem; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } svg.large { min-width: 0; } .wide { overflow: visible; }
  figure, tr { break-inside: avoid; } h2, h3, .hint { break-after: avoid; } section { break-before: page; }
  .latest { font-size: 7.5pt; } .latest th, .latest tbody th { min-width: 0; }
  .latest th[scope=row], .latest thead th:first-child { position: static; } th, td { padding-right: .5rem; }
  .trends { grid-template-columns: repeat(3, 1fr); } .warnings, .swatch { print-color-adjust: exact; } }
)css";

}  // namespace stethos::edge
