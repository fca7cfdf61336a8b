/**
 * `npm run check:audit`: no package of this project has a known vulnerability of level high or critical. Mirrors of the
 * registry often can't answer that, and somebody may be offline: then it says "not checked", and fails nobody.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SERIOUS = ['high', 'critical'];
const TIMEOUT_MS = 60_000;

/**
 * Reads what `npm audit --json` wrote.
 *
 * @returns `ok`, `vulnerable` or `unchecked`, and one sentence
 */
export function judgeAudit(output) {
  const report = readReport(output);
  const counts = report?.metadata?.vulnerabilities;
  if (typeof counts !== 'object' || counts === null) {
    const why = report?.error?.summary || report?.message || 'npm audit gave no report';
    return { verdict: 'unchecked', text: `not checked: ${String(why).split('\n')[0]}` };
  }
  const serious = Object.values(report.vulnerabilities ?? {}).filter(({ severity }) => SERIOUS.includes(severity));
  if (serious.length === 0 && SERIOUS.every((level) => !(counts[level] > 0))) {
    return {
      verdict: 'ok',
      text: `no vulnerability of level high or critical is known in ${packagesOf(report)} packages`,
    };
  }
  const names = serious.map(({ name, severity, range }) => `${name} ${range} (${severity})`);
  return { verdict: 'vulnerable', text: `known vulnerabilities: ${names.join(', ')}` };
}

function packagesOf({ metadata }) {
  return metadata.dependencies?.total ?? 'its';
}

function readReport(output) {
  const start = output.indexOf('{');
  const end = output.lastIndexOf('}');
  try {
    return JSON.parse(output.slice(start, end + 1));
  } catch {
    return undefined; // Not a report: the caller says so.
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const { stdout } = spawnSync('npm', ['audit', '--json'], { cwd, encoding: 'utf8', timeout: TIMEOUT_MS });
  const { verdict, text } = judgeAudit(stdout ?? '');
  console.log(text);
  if (verdict === 'vulnerable') process.exitCode = 1;
}
