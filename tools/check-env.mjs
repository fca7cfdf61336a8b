/** `npm run check:env`: .env.example says what the server's settings say, one by one and in their order. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importTypeScript } from './import-typescript.mjs';

/** Writes a setting as .env.example has it. */
export function formatSetting({ name, unit, default: value, description }) {
  return `# ${description} (${unit})\n${name}=${value}`;
}

/** Reads an .env file: each setting with the comment lines right above it. */
export function parseEnvFile(text) {
  const settings = [];
  let comment = [];
  for (const line of text.split('\n')) {
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) settings.push({ name, value, comment: comment.join('\n') });
    comment = line.startsWith('#') ? [...comment, line] : [];
  }
  return settings;
}

/**
 * Compares .env.example with the table of settings.
 *
 * @returns one sentence for each difference
 */
export function envProblems(text, table) {
  const settings = parseEnvFile(text);
  const problems = [];
  for (const row of table) {
    const found = settings.filter(({ name }) => name === row.name);
    if (found.length !== 1) {
      const what = found.length === 0 ? 'lacks' : `has ${found.length} times`;
      problems.push(`.env.example ${what} ${row.name}: write\n${formatSetting(row)}`);
      continue;
    }
    const [{ comment, value }] = found;
    if (`${comment}\n${row.name}=${value}` === formatSetting(row)) continue;
    problems.push(
      `.env.example differs from the table of settings at ${row.name}: expected\n${formatSetting(row)}\ngot\n${comment}\n${row.name}=${value}`,
    );
  }
  for (const { name } of settings) {
    if (!table.some((row) => row.name === name)) {
      problems.push(`.env.example has ${name}, which is no setting of the server: take it out, or add it to the table`);
    }
  }
  if (problems.length > 0) return problems;
  const misplaced = table.findIndex((row, index) => settings[index].name !== row.name);
  if (misplaced >= 0) problems.push(`.env.example has ${table[misplaced].name} in another place than the table`);
  return problems;
}

async function main() {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const { configTable } = await importTypeScript(root, 'src/server/config.ts');
  const path = join(root, '.env.example');
  const problems = envProblems(existsSync(path) ? readFileSync(path, 'utf8') : '', configTable);
  for (const problem of problems) console.error(`${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(`.env.example agrees with ${configTable.length} settings`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
