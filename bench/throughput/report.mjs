import { ratioOf } from './median.mjs';

const MARKS = ['<!-- bench: npm run bench writes this -->', '<!-- /bench -->'];

/**
 * Writes a run as Markdown: how it was made, and one table.
 *
 * @param result `{ run, name, settings, scenarios, contenders, cells, skipped, waiting }`: `scenarios` `{ id, title, unit, better, per }`, `contenders`
 *   `{ id, title }`, Rookery first, `cells[scenario][contender]` as `summaryOf` has them
 */
export function reportText(result) {
  const { run, name, settings, skipped, waiting } = result;
  return [
    '# Throughput, latency, memory',
    '',
    ...explained(),
    '[How it is measured, and how fair it is](../README.md).',
    '',
    `${run.date}, commit ${run.commit}, Node ${run.node}, ${run.cpu}, ${run.memoryGiB} GiB; \`${run.command}\`. Medians of`,
    `${counted(settings.rounds, 'interleaved round')} of ${settings.seconds} s each. Servers were kept waiting for their core by others`,
    `for up to ${Math.round(waiting * 100)} % of the time. Numbers: [${name}.json](${name}.json).`,
    '',
    ...tableOf(result),
    ...skipped.flatMap((sentence) => ['', sentence]),
    '',
  ].join('\n');
}

/** A run's table for a page that says more than numbers: the same cells, of these scenarios alone. */
export function tableText(result, scenarioIds) {
  const scenarios = result.scenarios.filter(({ id }) => scenarioIds.includes(id));
  return [...explained(), '', ...tableOf({ ...result, scenarios })].join('\n');
}

/** Puts a text between the marks of a page. @throws Error if the page has no marks, or more than one pair */
export function betweenMarks(page, text) {
  const [open, close] = MARKS;
  const parts = page.split(open);
  const [, rest] = parts.at(-1).split(close);
  if (parts.length !== 2 || rest === undefined) throw new Error(`expected one pair of ${open} and ${close}`);
  return `${parts[0]}${open}\n\n${text}\n\n${close}${rest}`;
}

/** Writes a value for people: `1,213k`, `0.25 ms`, `6.5 KiB`. */
export function valueText(value, unit) {
  if (unit.endsWith('/s')) {
    return value >= 10_000 ? `${grouped(value / 1_000)}k` : grouped(Number(value.toPrecision(3)));
  }
  if (unit === 'KiB') return `${value.toFixed(1)} KiB`;
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ${unit}`;
}

function explained() {
  return [
    'Each cell: the value · the CPU of all server processes for one delivery, handshake or connection · how many times better',
    'Rookery is (above 1: it is).',
  ];
}

function tableOf({ scenarios, contenders, cells }) {
  const [first] = contenders;
  return [
    row(['', ...contenders.map(({ title }) => title)]),
    row(['---', ...contenders.map(() => '---:')]),
    ...scenarios.map((scenario) => {
      const its = cells[scenario.id];
      const mine = its?.[first.id];
      return row([
        nameOf(scenario),
        ...contenders.map(({ id }) => cellText(its?.[id], id === first.id, scenario, mine)),
      ]);
    }),
  ];
}

function nameOf({ title, unit }) {
  return unit.endsWith('/s') ? `${title}: ${unit}` : title;
}

function cellText(cell, isFirst, { unit, better }, first) {
  if (cell === undefined) return '–';
  if (cell.faults) return `✗ ${cell.faults.join(', ')}`;
  const value = valueText(cell.value, unit);
  const parts = [isFirst ? `**${value}**` : value];
  if (cell.cpuUs !== undefined) parts.push(`${cell.cpuUs < 10 ? cell.cpuUs.toFixed(2) : cell.cpuUs.toFixed(0)} µs`);
  const ratio = isFirst ? undefined : ratioOf(first, cell, better);
  if (ratio !== undefined) parts.push(`${ratio.toFixed(2)}×`);
  return parts.join(' · ');
}

function row(cells) {
  return `| ${cells.join(' | ')} |`;
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function grouped(number) {
  return number.toLocaleString('en', { maximumFractionDigits: 0 });
}
