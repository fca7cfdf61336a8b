import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * Imports a TypeScript module of this package as it stands in the sources, so that a check needs no build.
 *
 * @param root folder of the package
 * @param path from the root
 */
export async function importTypeScript(root, path) {
  const folder = join(root, '.cache', 'imports');
  mkdirSync(folder, { recursive: true });
  // In the tree, so that packages are found; a name of its own, because modules are cached by their name.
  const outfile = join(folder, `${path.replace(/\W+/g, '-')}-${process.pid}-${Date.now()}.mjs`);
  await build({
    entryPoints: [join(root, path)],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
  });
  try {
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(outfile, { force: true });
  }
}
