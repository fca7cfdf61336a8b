import { readFile } from 'node:fs/promises';
import { Controller, Get, Header, NotFoundException, Req, StreamableFile } from '@nestjs/common';
import { clientBundlePath } from './page-files.js';

/** Serves the browser's client as one file, for pages that have no build of their own. */
@Controller()
export class ClientBundleController {
  /** A module: `import { RealtimeClient } from '/rookery-client.js'`. */
  @Get('rookery-client.js')
  @Header('Cache-Control', 'no-cache')
  client(): Promise<StreamableFile> {
    return script('rookery-client.min.js');
  }

  /** For a plain script tag: `new Rookery.RealtimeClient(…)`. */
  @Get('rookery-client.global.js')
  @Header('Cache-Control', 'no-cache')
  globalClient(): Promise<StreamableFile> {
    return script('rookery-client.global.min.js');
  }

  /** The list of a room's users, an entry of its own. It imports nothing, so it needs no bundle. */
  @Get('rookery-roster.js')
  @Header('Cache-Control', 'no-cache')
  roster(): Promise<StreamableFile> {
    return script('roster.js');
  }

  /** What the last lines of the two name. */
  @Get(['rookery-client.min.js.map', 'rookery-client.global.min.js.map'])
  @Header('Cache-Control', 'no-cache')
  async sourceMap(@Req() { path }: { path: string }): Promise<StreamableFile> {
    return new StreamableFile(await read(path.slice(1)), { type: 'application/json; charset=utf-8' });
  }
}

async function script(name: string): Promise<StreamableFile> {
  return new StreamableFile(await read(name), { type: 'text/javascript; charset=utf-8' });
}

async function read(name: string): Promise<Buffer> {
  const path = clientBundlePath(name);
  if (path === undefined) throw new NotFoundException('the client is not built: run "npm run build"');
  return readFile(path);
}
