/**
 * Makes the client's single files. esbuild bundles, swc makes the result smaller than esbuild alone does.
 *
 * Run by itself (`npm run build:client`) it writes them to `dist/client`, each with its source map.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { minify } from '@swc/core';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What is built: for pages that import, and for pages that have a plain script tag (`Rookery.RealtimeClient`). */
const files = [
  { name: 'rookery-client-tabs.min.js', format: 'esm', source: './src/client/tabs/index.ts' },
  { name: 'rookery-client.global.min.js', format: 'iife', globalName: 'Rookery' },
  { name: 'rookery-client.min.js', format: 'esm' }, // Last: by it build-if-needed.mjs sees a whole build.
];

/**
 * Bundles what `source` (an ES module's text, its imports relative to the project) exports.
 *
 * @returns `{ code, map }`
 */
export async function bundle(source, { format = 'esm', globalName } = {}) {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root, loader: 'ts' },
    bundle: true,
    minify: true,
    sourcemap: 'external',
    format,
    globalName,
    target: 'es2022',
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    write: false,
    outdir: join(root, 'dist/client'),
    logLevel: 'warning',
  });
  const text = (ending) => outputFiles.find(({ path }) => path.endsWith(ending)).text;
  const isModule = format === 'esm'; // A script's outermost names are the page's: they stay.
  return minify(text('.js'), {
    module: isModule,
    ecma: 2022,
    compress: { passes: 5, ecma: 2022, toplevel: isModule },
    mangle: { toplevel: isModule },
    sourceMap: { content: text('.map') },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = join(root, 'dist/client');
  mkdirSync(folder, { recursive: true });
  for (const { name, source = './src/client/index.ts', ...options } of files) {
    const { code, map } = await bundle(`export * from '${source}';`, options);
    writeFileSync(join(folder, name), `${code}\n//# sourceMappingURL=${name}.map\n`);
    writeFileSync(join(folder, `${name}.map`), map);
  }
}
