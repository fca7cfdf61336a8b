import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';

/** Writes a result as `<name>.json` and its report as `<name>.md` into a folder, which is made where there is none. */
export async function writeResult(folder, name, result, report) {
  mkdirSync(folder, { recursive: true });
  const write = async (file, text, parser) =>
    writeFileSync(join(folder, file), await format(text, { parser, printWidth: 120 }));
  await write(`${name}.json`, JSON.stringify(result), 'json');
  await write(`${name}.md`, report, 'markdown');
}
