import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of the pages: it stands beside this one, in the sources as well as when built. */
export function publicFolder(): string {
  return fileURLToPath(new URL('../public', import.meta.url));
}

/** The browser's client as one file; undefined where it was not built. */
export function clientBundlePath(): string | undefined {
  // Built, this module lies in dist/server/pages; run from its source, the bundle is still in dist.
  const places = ['../../client/rookery-client.min.js', '../../../dist/client/rookery-client.min.js'];
  return places.map((place) => fileURLToPath(new URL(place, import.meta.url))).find((path) => existsSync(path));
}
