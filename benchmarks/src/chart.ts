/**
 * A chart of ratios to the reference, as SVG: bars that begin at 0, or where they differ much, on a
 * scale of logarithms, at 1. Longer is better. It brings its background, so it can stand on any page.
 */
import type { Summary, SummaryRow } from './summary.ts';

export interface Chart {
  readonly title: string;
  readonly footer: string;
  readonly summaries: readonly Summary[];
}

interface Scale {
  readonly kind: 'linear' | 'logarithmic';
  /** Where a ratio lies on the page. */
  readonly at: (ratio: number) => number;
  /** Where bars begin. */
  readonly origin: number;
  readonly ticks: readonly number[];
}

const WIDTH = 760;
const MARGIN = 24;
const TOP = 92;
const HEADING = 24;
const BAR = 20;
const GAP = 14;
const FOOTER = 40;
/** For the figures behind the longest bar. */
const FIGURES = 108;
/** About what a letter takes in the size of the labels. */
const LETTER = 7.4;

/** Where the ratios are further apart, the small ones would not be seen beside the large. */
const LARGEST_LINEAR_RANGE = 5;

const STYLE = `
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2328; }
.card { fill: #ffffff; stroke: #d1d9e0; }
.title { font-size: 17px; font-weight: 600; }
.heading { font-size: 13px; font-weight: 600; }
.muted { fill: #59636e; }
.figure { stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; paint-order: stroke; }
.strong { font-weight: 600; }
.grid { stroke: #d1d9e0; stroke-opacity: 0.6; }
.one { stroke: #59636e; stroke-dasharray: 3 3; }
.ours { fill: #2f6feb; }
.variant { fill: #8fb4f5; }
.other { fill: #9aa4af; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .card { fill: #151b23; stroke: #3d444d; }
  .muted { fill: #9198a1; }
  .figure { stroke: #151b23; }
  .grid { stroke: #3d444d; }
  .one { stroke: #9198a1; }
  .ours { fill: #4c8dff; }
  .variant { fill: #315a9e; }
  .other { fill: #656c76; }
}`;

export function toSvg({ title, footer, summaries }: Chart): string {
  const groups = summaries.map((summary) => ({ summary, bars: barsOf(summary) }));
  const bars = groups.flatMap(({ bars }) => bars);
  const left = MARGIN + 12 + LETTER * Math.max(...bars.map(({ name }) => name.length));
  const ratios = bars.map(({ ratio }) => ratio);
  const scale = scaleFor(ratios, left, WIDTH - MARGIN - FIGURES);
  let height = TOP;
  const drawn = groups.map(({ summary, bars }) => {
    const top = height;
    height += HEADING + BAR * bars.length + GAP;
    return drawGroup(summary, bars, top, scale);
  });
  height += FOOTER;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>${escape(title)}</title>
<style>${STYLE}
</style>
<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>
${text(MARGIN, 34, title, 'title')}
${text(MARGIN, 54, explain(scale, summaries), 'muted')}
${scale.ticks.map((tick) => text(scale.at(tick), TOP - 12, tickLabel(tick, summaries), 'muted', 'middle')).join('\n')}
${drawn.join('\n')}
${text(MARGIN, height - 20, footer, 'muted')}
</svg>
`;
}

function explain({ kind }: Scale, summaries: readonly Summary[]): string {
  const scale = kind === 'linear' ? '' : ', on a logarithmic scale';
  const units = new Set(summaries.map(({ unit }) => unit));
  return `Longer is better${scale}. In grey: ${[...units].join(', ')}.`;
}

function tickLabel(tick: number, [first]: readonly Summary[]): string {
  return tick === 1 && first !== undefined ? `${first.reference} = 1` : String(tick);
}

function drawGroup(summary: Summary, bars: readonly Bar[], top: number, scale: Scale): string {
  const first = top + HEADING;
  const last = first + BAR * bars.length;
  const lines = scale.ticks.filter((tick) => tick !== 1);
  return [
    heading(summary, top + 14),
    ...lines.map((tick) => drawLine('grid', scale.at(tick), first, last)),
    ...bars.map((bar, index) => drawBar(bar, first + BAR * index, scale)),
    drawLine('one', scale.at(1), first, last),
    ...bars.map((bar, index) => label(bar, first + BAR * index, scale)),
  ].join('\n');
}

function drawLine(look: string, at: number, from: number, to: number): string {
  const x = round(at);
  return `<line class="${look}" x1="${x}" x2="${x}" y1="${from}" y2="${to}"/>`;
}

interface Bar {
  readonly name: string;
  readonly look: string;
  readonly median: number;
  readonly ratio: number;
}

/** All but the reference, which is the line at 1. */
function barsOf(summary: Summary): Bar[] {
  const reference = referenceOf(summary);
  return summary.rows.flatMap((row) => {
    const { contender, label, median, ratio } = row;
    if (row === reference || ratio === null) return [];
    return [{ name: `${contender} ${label}`.trim(), look: lookOf(row), median, ratio }];
  });
}

function referenceOf({ rows, reference }: Summary): SummaryRow | undefined {
  return rows.find(({ contender }) => contender === reference);
}

function lookOf({ contender, label }: SummaryRow): string {
  if (!contender.startsWith('framewire')) return 'other';
  return contender === 'framewire' && (label === '' || label === 'default') ? 'ours' : 'variant';
}

function scaleFor(ratios: readonly number[], left: number, right: number): Scale {
  const most = Math.max(1, ...ratios);
  const least = Math.min(1, ...ratios);
  if (most / least <= LARGEST_LINEAR_RANGE) {
    const at = (ratio: number): number => left + (ratio / most) * (right - left);
    const step = most > 2.5 ? 1 : 0.5;
    const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step);
    return { kind: 'linear', at, origin: at(0), ticks };
  }
  const unit = (right - left) / Math.log(most / least);
  const at = (ratio: number): number => left + Math.log(ratio / least) * unit;
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
  return {
    kind: 'logarithmic',
    at,
    origin: at(1),
    ticks: steps.filter((step) => step >= least && step <= most),
  };
}

function heading(summary: Summary, y: number): string {
  const { title, reference } = summary;
  const median = referenceOf(summary)?.median;
  const cost = median === undefined ? '' : `${reference}: ${digits(median)}`;
  return `${text(MARGIN, y, title, 'heading')}
${text(WIDTH - MARGIN, y, cost, 'muted', 'end')}`;
}

function drawBar({ look, ratio }: Bar, y: number, { at, origin }: Scale): string {
  const x = round(Math.min(origin, at(ratio)));
  const width = round(Math.abs(at(ratio) - origin));
  return `<rect class="${look}" x="${x}" y="${y + 3}" width="${width}" height="${BAR - 6}" rx="2"/>`;
}

/** The name before a bar, and the figures behind it. */
function label({ name, look, median, ratio }: Bar, y: number, { at, origin }: Scale): string {
  const weight = look === 'ours' ? 'strong' : '';
  const behind = round(Math.max(origin, at(ratio)) + 6);
  return `${text(MARGIN, y + 14, name, weight)}
<text class="figure" x="${behind}" y="${y + 14}"><tspan class="${weight}">${digits(ratio)}×</tspan> <tspan class="muted" dx="4">${digits(median)}</tspan></text>`;
}

function text(x: number, y: number, content: string, look: string, anchor = 'start'): string {
  return `<text class="${look}" x="${round(x)}" y="${y}" text-anchor="${anchor}">${escape(content)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Three digits, or all before the point. */
function digits(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
