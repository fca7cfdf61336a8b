import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly main: string;
  readonly types: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/**
 * The package as a customer gets it: packed, and unpacked into the `node_modules` of an empty application. What it
 * depends on is linked from here instead of being downloaded again: its dependencies and the peers that it must have,
 * and nothing else unless it is asked for.
 */
export class PackedPackage {
  /** Paths inside the tarball. */
  readonly files: readonly string[];
  readonly manifest: Manifest;
  readonly folder: string;

  private constructor(readonly application: string) {
    const [packed] = JSON.parse(npm(['pack', '--ignore-scripts', '--json', '--pack-destination', application])) as [
      { filename: string; files: { path: string }[] },
    ];
    this.files = packed.files.map(({ path }) => path);
    this.folder = join(application, 'node_modules/rookery');
    mkdirSync(this.folder, { recursive: true });
    const tarball = join(application, packed.filename);
    execFileSync('tar', ['-xzf', tarball, '-C', this.folder, '--strip-components=1']);
    this.manifest = JSON.parse(this.read('package.json')) as Manifest;
    writeFileSync(
      join(application, 'package.json'),
      JSON.stringify({ name: 'customer', private: true, type: 'module' }),
    );
    const { dependencies, peerDependencies, peerDependenciesMeta } = this.manifest;
    const needed = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
    for (const name of [...Object.keys(dependencies), ...needed]) this.link(name);
  }

  /** Packs what `npm run build` made. */
  static install(): PackedPackage {
    const application = mkdtempSync(join(tmpdir(), 'rookery-package-'));
    try {
      return new PackedPackage(application);
    } catch (error) {
      rmSync(application, { recursive: true, force: true });
      throw error;
    }
  }

  /** Adds a package to the application. */
  link(name: string): void {
    const target = join(this.application, 'node_modules', name);
    mkdirSync(dirname(target), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), target);
  }

  /** Takes a package away again. */
  unlink(name: string): void {
    rmSync(join(this.application, 'node_modules', name), { force: true });
  }

  /** Reads a file of the package. */
  read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8');
  }

  /** Writes a file of the application. */
  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.application, path)), { recursive: true });
    writeFileSync(join(this.application, path), text);
  }

  /** Runs Node in the application. The output of both streams, and the exit code. */
  node(...args: string[]): { readonly output: string; readonly code: number | null } {
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: this.application, encoding: 'utf8' });
    return { output: `${stdout}${stderr}`, code: status };
  }

  remove(): void {
    rmSync(this.application, { recursive: true, force: true });
  }
}

function npm(args: readonly string[]): string {
  return execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}
