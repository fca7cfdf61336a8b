import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of the pages: it stands beside this one, in the sources as well as when built. */
export function publicFolder(): string {
  return fileURLToPath(new URL('../public', import.meta.url));
}

/** One of the browser's client files; undefined where it was not built. */
export function clientBundlePath(name: string): string | undefined {
  // Built, this module lies in dist/server/pages; run from its source, the bundle is still in dist.
  const folders = ['../../client/', '../../../dist/client/'];
  return folders
    .map((folder) => fileURLToPath(new URL(folder + name, import.meta.url)))
    .find((path) => existsSync(path));
}
