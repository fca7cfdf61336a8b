import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { PackedPackage } from './packed-package.js';

jest.setTimeout(120_000);

/** Each subpath, with a value that it exports. */
const subpaths = [
  ['rookery', 'RealtimeModule'],
  ['rookery/protocol', 'CloseCode'],
  ['rookery/client', 'RealtimeClient'],
  ['rookery/client/tabs', 'createTabsClient'],
  ['rookery/client/roster', 'Roster'],
  ['rookery/react', 'useRoom'],
  ['rookery/admin', 'RealtimeAdminModule'],
  ['rookery/testing', 'startTestServer'],
] as const;

describe('the package that is published', () => {
  let installed: PackedPackage;

  beforeAll(() => {
    installed = PackedPackage.install();
  });
  afterAll(() => installed.remove());

  describe('what is in it', () => {
    it.each(['LICENSE', 'README.md', 'CHANGELOG.md', 'PROTOCOL.md', 'SECURITY.md', '.env.example', 'package.json'])(
      'has %s',
      (file) => {
        expect(installed.files).toContain(file);
      },
    );

    it('has the demo page, the dashboard, and the client as one file, with shared tabs and without', () => {
      expect(installed.files).toContain('dist/server/public/index.html');
      expect(installed.files).toContain('dist/server/dashboard/public/dashboard.html');
      expect(installed.files).toContain('dist/client/rookery-client.min.js');
      expect(installed.files).toContain('dist/client/rookery-client-tabs.min.js');
    });

    it('has the source of the native writer and what compiles it, and no binary', () => {
      expect(installed.files).toContain('native/fan-out-write.c');
      expect(installed.files).toContain('tools/build-native.mjs');
      expect(installed.manifest.scripts['build:native']).toBe('node tools/build-native.mjs');
      expect(installed.files.filter((file) => file.endsWith('.node'))).toEqual([]);
    });

    it('has every file that package.json names, declarations too', () => {
      const { main, types, exports, bin } = installed.manifest;
      const targets = Object.values(exports).flatMap((target) =>
        typeof target === 'string' ? [target] : [target.types, target.default],
      );
      for (const path of [main, types, ...targets, ...Object.values(bin)]) {
        expect(installed.files).toContain(path.replace(/^\.\//, ''));
      }
    });

    it('has no test, no source and no settings of ours', () => {
      const unwanted =
        /(^|\/)(src|test|tools(?!\/build-native\.mjs$)|bench|node_modules|\.cache|\.ci|build)\/|\.(spec|double)\.|tsconfig|\.tsbuildinfo|\.env$/;
      expect(installed.files.filter((file) => unwanted.test(file))).toEqual([]);
    });

    it('needs six small packages and no install script', () => {
      expect(Object.keys(installed.manifest.dependencies).toSorted()).toEqual([
        'cookie',
        'jose',
        'lru-cache',
        'path-to-regexp',
        'proxy-addr',
        'ws',
      ]);
      expect(installed.read('package.json')).not.toMatch(/"(pre|post)?install":/);
    });
  });

  describe('how it is loaded', () => {
    it.each(subpaths)('%s by import, with no optional peer there', (subpath, name) => {
      link(subpath);
      installed.write('load.mjs', `import { ${name} } from '${subpath}'; console.log(typeof ${name});`);
      expect(installed.node('load.mjs')).toEqual({ output: expect.stringMatching(/^(function|object)\n$/), code: 0 });
    });

    it.each(subpaths)('%s by require', (subpath, name) => {
      link(subpath);
      installed.write('load.cjs', `const { ${name} } = require('${subpath}'); console.log(typeof ${name});`);
      expect(installed.node('--no-warnings', 'load.cjs')).toEqual({
        output: expect.stringMatching(/^(function|object)\n$/),
        code: 0,
      });
    });

    it('package.json by its subpath, and nothing that is not exported', () => {
      installed.write('inner.mjs', "await import('rookery/dist/realtime/realtime.module.js');");
      expect(installed.node('inner.mjs').output).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
      installed.write('manifest.cjs', "console.log(require('rookery/package.json').name);");
      expect(installed.node('manifest.cjs')).toEqual({ output: 'rookery\n', code: 0 });
    });

    /** What an entry takes from the customer: the testing kit the platform, hooks React, the admin API validators. */
    function link(subpath: string): void {
      if (subpath === 'rookery/testing') linkOnce('@nestjs/platform-express');
      if (subpath === 'rookery/react') linkOnce('react');
      if (subpath === 'rookery/admin') ['class-validator', 'class-transformer'].forEach(linkOnce);
    }

    it('rookery/react without React: it says what is not there', () => {
      installed.unlink('react');
      linked.delete('react');
      installed.write('hooks.mjs', "await import('rookery/react');");
      const { output, code } = installed.node('hooks.mjs');
      expect([output, code]).toEqual([expect.stringContaining("Cannot find package 'react' imported from"), 1]);
    });

    it.each([
      ['protocol', /^\.\/[\w.-]+\.js$/],
      ['client', /^(\.\/(tabs\/)?|\.\.\/)[\w.-]+\.js$|^(\.\.\/){1,2}protocol\/index\.js$/],
      ['react', /^\.\/[\w.-]+\.js$|^\.\.\/client\/(index|roster)\.js$|^react$/],
    ])('%s in a browser: it imports nothing else', (folder, allowed) => {
      const outside = installed.files
        .filter((file) => file.startsWith(`dist/${folder}/`) && file.endsWith('.js') && !file.endsWith('.min.js'))
        .flatMap((file) => [...installed.read(file).matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)])
        .map((match) => match[1] ?? '')
        .filter((target) => !allowed.test(target));
      expect(outside).toEqual([]);
    });

    it.each([
      ['rookery-client', 'RealtimeClient'],
      ['rookery-client-tabs', 'createTabsClient'],
    ])('%s as one file, which imports nothing', (file, name) => {
      const bundle = join(installed.folder, `dist/client/${file}.min.js`);
      expect(readFileSync(bundle, 'utf8')).not.toMatch(/\bimport\s*[{('"*]/);
      installed.write('bundle.mjs', `console.log(typeof (await import(${JSON.stringify(bundle)})).${name});`);
      expect(installed.node('bundle.mjs')).toEqual({ output: 'function\n', code: 0 });
    });
  });

  it('compiles in an application under nodenext, with the types that it brings', () => {
    for (const name of ['@types/node', '@types/react', 'csstype', 'typescript', '@nestjs/platform-express'])
      linkOnce(name);
    installed.write('customer.ts', readFileSync(join(import.meta.dirname, 'fixtures/customer.ts'), 'utf8'));
    const compilerOptions = {
      target: 'es2023',
      module: 'nodenext',
      types: ['node'],
      strict: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      skipLibCheck: true,
      outDir: 'out',
      rootDir: '.',
    };
    installed.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['customer.ts'] }));
    expect(installed.node('node_modules/typescript/bin/tsc', '-p', '.')).toEqual({ output: '', code: 0 });
  });

  const compiles = !spawnSync(process.env['CC'] || 'cc', ['--version']).error;
  // The package works without the addon, so a machine that can't compile it lacks nothing; there it is skipped, and says so.
  const reason = compiles ? '' : ' (skipped: there is no C compiler)';
  (compiles ? it : it.skip)(`compiles the native writer where the customer asks for it, and loads it${reason}`, () => {
    linkOnce('node-api-headers');
    const writer = pathToFileURL(join(installed.folder, 'dist/realtime/connection/direct-writer.js')).href;
    installed.write('writer.mjs', `console.log((await import('${writer}')).loadDirectWriter());`);
    expect(installed.node('writer.mjs').output).toContain('is not there: npm run build:native makes it');
    expect(installed.node('node_modules/rookery/tools/build-native.mjs')).toEqual({
      output: expect.stringMatching(/^built node_modules\/rookery\/native\/build\/[\w-]+\/fan-out-write\.node\n$/),
      code: 0,
    });
    expect(installed.node('writer.mjs').output).toContain('writer: { write: [Function');
  });

  it('starts its server by its bin, and serves the demo page and the client', async () => {
    linkOnce('@nestjs/platform-express');
    linkOnce('class-validator');
    linkOnce('class-transformer');
    linkOnce('prom-client');
    const bin = installed.manifest.bin['rookery'] ?? '';
    expect(installed.read(bin)).toMatch(/^#!\/usr\/bin\/env node\n/);
    const server = spawn(process.execPath, [join(installed.folder, bin)], {
      cwd: installed.application,
      env: { PATH: process.env['PATH'], PORT: '0', HOST: '127.0.0.1', LOG_FORMAT: 'json', DRAIN_DELAY_MS: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => server.once('exit', resolve));
    try {
      const port = await listeningPort(server.stdout);
      for (const path of ['/', '/rookery-client.js', '/healthz']) {
        const response = await fetch(`http://127.0.0.1:${port}${path}`);
        expect({ path, status: response.status }).toEqual({ path, status: 200 });
        await response.arrayBuffer();
      }
    } finally {
      server.kill('SIGTERM');
      await ended;
    }
  });

  const linked = new Set<string>();

  function linkOnce(name: string): void {
    if (!linked.has(name)) installed.link(name);
    linked.add(name);
  }
});

/** Reads log lines until the one that names the port. */
async function listeningPort(output: NodeJS.ReadableStream): Promise<number> {
  for await (const line of createInterface({ input: output })) {
    const port = /"port":(\d+)/.exec(line)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error('expected a log line with the port, but the server ended');
}
