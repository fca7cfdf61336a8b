/**
 * `npm run check:protocol`: every rule of PROTOCOL.md has a conformance test whose title begins with its id, no test
 * cites a rule that there is not, and the tables of close codes and error codes are those of src/protocol.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { importTypeScript } from './import-typescript.mjs';

/** Rules that are not built yet, each with its reason. One that has a test must leave this table. */
export const notBuiltYet = {};

const MARKS = ['url', 'inside'];

/** Reads the rules of PROTOCOL.md: `- (RC1, url) …` → `{ id: 'RC1', mark: 'url' }`. */
export function parseRules(protocol) {
  return [...protocol.matchAll(/^- \(([A-Z]{2}\d+)(?:, *(\w+))?\)/gm)].map(([, id, mark]) => ({ id, mark }));
}

/** Finds the titles of the tests in a source file: also of `it.each(…)('…')` and in backticks. Skipped ones are none. */
export function testTitles(source, name = 'test.ts') {
  const titles = [];
  const visit = (node) => {
    if (ts.isCallExpression(node) && isRunningTest(node.expression)) {
      const title = leadingText(node.arguments[0]);
      if (title !== undefined) titles.push(title);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(name, source, ts.ScriptTarget.Latest));
  return titles;
}

/** The rule ids with which a title begins: `RC1 resumes …`, `RC1, RC2 …`. */
export function citedRules(title) {
  const lead = /^(?:[A-Z]{2}\d+[\s,:/&+]*)+/.exec(title)?.[0] ?? '';
  return lead.match(/[A-Z]{2}\d+/g) ?? [];
}

/**
 * Compares rules with tests.
 *
 * @param tests `{ file, titles }` of each conformance file
 * @returns one sentence for each rule or test that is wrong
 */
export function coverageProblems(rules, tests, exempt = notBuiltYet) {
  const problems = [];
  const known = new Set(rules.map(({ id }) => id));
  const filesOf = new Map();
  for (const { file, titles } of tests) {
    for (const title of titles) {
      const ids = citedRules(title);
      if (ids.length === 0) problems.push(`${file}: "${title}" cites no rule: begin the title with its id`);
      for (const id of ids) {
        if (!known.has(id)) problems.push(`${file}: "${title}" cites ${id}, a rule that PROTOCOL.md does not have`);
        filesOf.set(id, [...(filesOf.get(id) ?? []), file]);
      }
    }
  }
  if (rules.length === 0) problems.push('PROTOCOL.md has no rules: expected lines like "- (RC1, url) …"');
  for (const { id, mark } of rules) problems.push(...ruleProblems(id, mark, filesOf.get(id) ?? [], exempt));
  for (const id of duplicates(rules)) problems.push(`PROTOCOL.md has ${id} twice: ids are never reused`);
  for (const id of Object.keys(exempt)) {
    if (!known.has(id)) problems.push(`notBuiltYet names ${id}, a rule that PROTOCOL.md does not have: take it out`);
  }
  return problems;
}

/** Compares PROTOCOL.md's close-code table and its list of error codes with those in code. */
export function tableProblems(protocol, { closeCodeTable, CloseCode, errorCodeTable }) {
  return [
    ...differences('close code', closeRowsOf(protocol), closeCodeTable.map(formatCloseRow)),
    ...differences('error code', errorRowsOf(protocol), Object.entries(errorCodeTable).map(formatErrorRow)),
    ...differences('HTTP status of an error code', statusesOf(protocol), knownStatuses(errorCodeTable)),
    ...Object.entries(CloseCode)
      .filter(([, code]) => !closeCodeTable.some((row) => row.code === code))
      .map(([name, code]) => `CloseCode.${name} is ${code}, which closeCodeTable lacks: add its row`),
  ];
}

function ruleProblems(id, mark, files, exempt) {
  if (!MARKS.includes(mark)) return [`PROTOCOL.md: ${id} has no mark: write (${id}, url) or (${id}, inside)`];
  const reason = Object.hasOwn(exempt, id) ? exempt[id] : undefined;
  if (reason !== undefined) {
    return files.length === 0 ? [] : [`${id} has a test (${files[0]}), so take it out of notBuiltYet ("${reason}")`];
  }
  if (files.length === 0) return [`${id} has no conformance test: write it('${id} …') in test/conformance`];
  if (mark === 'url' && !files.some((file) => file.endsWith('.url.spec.ts'))) {
    return [`${id} is marked url, but no *.url.spec.ts tests it: ${files[0]} can't run against another server`];
  }
  return [];
}

function duplicates(rules) {
  return rules.map(({ id }) => id).filter((id, index, ids) => ids.indexOf(id) !== index);
}

function isRunningTest(callee) {
  let node = callee;
  while (!ts.isIdentifier(node)) {
    if (ts.isPropertyAccessExpression(node)) {
      if (['skip', 'todo', 'failing'].includes(node.name.text)) return false;
      node = node.expression;
    } else if (ts.isCallExpression(node)) node = node.expression;
    else if (ts.isTaggedTemplateExpression(node)) node = node.tag;
    else return false;
  }
  return node.text === 'it' || node.text === 'test';
}

function leadingText(node) {
  if (node === undefined) return undefined;
  if (ts.isStringLiteralLike(node)) return node.text;
  return ts.isTemplateExpression(node) ? node.head.text : undefined;
}

function differences(what, documented, coded) {
  return [
    ...documented
      .filter((row) => !coded.includes(row))
      .map((row) => `${what}: PROTOCOL.md says "${row}", the table in src/protocol does not`),
    ...coded
      .filter((row) => !documented.includes(row))
      .map((row) => `${what}: the table in src/protocol says "${row}", PROTOCOL.md does not`),
  ];
}

const COME_BACK = {
  yes: 'yes',
  no: 'no',
  'yes, with a fresh token': 'fresh-token',
  'once, with a fresh token': 'once-with-fresh-token',
};

function formatCloseRow({ code, reasons, comeBack }) {
  return `${code} (${[...reasons].sort().join(', ')}) comes back: ${comeBack}`;
}

/** The rows of the close-code table, one per code. Words in brackets and those that are no code are remarks. */
function closeRowsOf(protocol) {
  const section = /^## Close codes$([^]*?)(?=^## |(?![^]))/m.exec(protocol)?.[1] ?? '';
  const rows = [...section.matchAll(/^\|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)].map((cells) =>
    cells.slice(1).map((cell) => cell.trim()),
  );
  return rows.flatMap(([codes, reasons, comeBack]) =>
    (codes.match(/\b\d{4}\b(?<!below \d{4})/g) ?? []).map((code) =>
      formatCloseRow({
        code,
        reasons: reasons
          .replace(/\(.*?\)/g, '')
          .split(',')
          .map((reason) => reason.trim())
          .filter(Boolean),
        comeBack: COME_BACK[comeBack] ?? comeBack,
      }),
    ),
  );
}

function formatErrorRow([code, { temporary }]) {
  return `${code} is ${temporary ? 'temporary' : 'final'}`;
}

function errorRowsOf(protocol) {
  const [, final = '', temporary = ''] =
    /^Error codes, final: `([^`]*)`; temporary [^`]*`([^`]*)`/m.exec(protocol) ?? [];
  const rows = (codes, kind) =>
    codes
      .split(/\s+/)
      .filter(Boolean)
      .map((code) => formatErrorRow([code, { temporary: kind }]));
  return [...rows(final, false), ...rows(temporary, true)];
}

function statusesOf(protocol) {
  return /^HttpExceptions ([\d, ]+) thrown/m.exec(protocol)?.[1].trim().split(/, */) ?? [];
}

function knownStatuses(errorCodeTable) {
  return Object.values(errorCodeTable).flatMap(({ status }) => (status === undefined ? [] : [String(status)]));
}

async function main() {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const protocol = readFileSync(join(root, 'PROTOCOL.md'), 'utf8');
  const rules = parseRules(protocol);
  const folder = 'test/conformance';
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.spec.ts'),
  );
  const tests = files.sort().map((name) => {
    const file = `${folder}/${name}`;
    return { file, titles: testTitles(readFileSync(join(root, file), 'utf8'), file) };
  });
  const tables = await importTypeScript(root, 'src/protocol/index.ts');
  const problems = [...coverageProblems(rules, tests), ...tableProblems(protocol, tables)];
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else {
    const open = Object.keys(notBuiltYet).filter((id) => rules.some((rule) => rule.id === id));
    const rest = open.length > 0 ? `; not built yet: ${open.join(', ')}` : '';
    console.log(`${rules.length - open.length} of ${rules.length} rules have a conformance test${rest}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
