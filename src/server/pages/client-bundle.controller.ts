import { readFile } from 'node:fs/promises';
import { Controller, Get, Header, NotFoundException, StreamableFile } from '@nestjs/common';
import { clientBundlePath } from './page-files.js';

/** Serves the browser's client as one file, for pages that have no build of their own. */
@Controller()
export class ClientBundleController {
  @Get('rookery-client.js')
  @Header('Cache-Control', 'no-cache')
  async client(): Promise<StreamableFile> {
    return new StreamableFile(await bundle(''), { type: 'text/javascript; charset=utf-8' });
  }

  /** What the bundle's last line names. */
  @Get('rookery-client.min.js.map')
  @Header('Cache-Control', 'no-cache')
  async sourceMap(): Promise<StreamableFile> {
    return new StreamableFile(await bundle('.map'), { type: 'application/json; charset=utf-8' });
  }
}

async function bundle(suffix: string): Promise<Buffer> {
  const path = clientBundlePath();
  if (path === undefined) throw new NotFoundException('the client is not built: run "npm run build"');
  return readFile(`${path}${suffix}`);
}
