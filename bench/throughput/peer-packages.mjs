import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Installs what peers alone need into `bench/peers/node_modules`, where it is not there.
 *
 * @returns one sentence that says why they can't be had; `undefined`: they are there
 */
export function installPeerPackages(root, names) {
  const folder = join(root, 'bench/peers');
  if (names.every((name) => existsSync(join(folder, 'node_modules', name)))) return undefined;
  console.error(`Installing ${names.join(', ')} for the peers …`);
  try {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: folder,
      stdio: ['ignore', 2, 'pipe'],
    });
    return undefined;
  } catch (error) {
    return `npm could not install them: ${
      String(error.stderr ?? error.message)
        .trim()
        .split('\n')[0]
    }`;
  }
}
