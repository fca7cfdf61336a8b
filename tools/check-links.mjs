/** `npm run check:links`: what a page of the docs links to in this repository is there, its headings too. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One sentence for each link of a page below a folder that leads nowhere. */
export function brokenLinks(root) {
  return pagesBelow(root).flatMap((page) =>
    [...withoutCode(page).matchAll(/\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]+))?\)/g)].flatMap(([link, path, heading]) => {
      const target = path === '' ? page : join(dirname(page), path);
      const isThere = existsSync(target) && (heading === undefined || headingsOf(target).includes(heading));
      return isThere ? [] : [`${relative(root, page)} links to ${link.slice(2, -1)}, which is not there`];
    }),
  );
}

function pagesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || ['node_modules', 'dist'].includes(entry.name)) return [];
    if (entry.isDirectory()) return pagesBelow(join(folder, entry.name));
    return entry.name.endsWith('.md') ? [join(folder, entry.name)] : [];
  });
}

const withoutCode = (page) => readFileSync(page, 'utf8').replaceAll(/^```[^]*?^```$/gm, '');

/** As GitHub names them. */
function headingsOf(page) {
  const titles = [...withoutCode(page).matchAll(/^#+ (.+)$/gm)].map(([, title]) => title.toLowerCase());
  return titles.map((title) => title.replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = brokenLinks(fileURLToPath(new URL('..', import.meta.url)));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
