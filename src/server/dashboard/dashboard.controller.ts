import { readFile } from 'node:fs/promises';
import { Controller, Get, Header, StreamableFile } from '@nestjs/common';

/** Serves the dashboard's own files; it has no data in it, who looks shows the admin key to the API. */
@Controller('dashboard')
export class DashboardController {
  @Get()
  @Header('Cache-Control', 'no-cache')
  page(): Promise<StreamableFile> {
    return file('dashboard.html', 'text/html; charset=utf-8');
  }

  @Get('dashboard.js')
  @Header('Cache-Control', 'no-cache')
  script(): Promise<StreamableFile> {
    return file('dashboard.js', 'text/javascript; charset=utf-8');
  }

  @Get('figures.js')
  @Header('Cache-Control', 'no-cache')
  figures(): Promise<StreamableFile> {
    return file('figures.js', 'text/javascript; charset=utf-8');
  }

  @Get('dashboard.css')
  @Header('Cache-Control', 'no-cache')
  style(): Promise<StreamableFile> {
    return file('dashboard.css', 'text/css; charset=utf-8');
  }
}

async function file(name: string, type: string): Promise<StreamableFile> {
  return new StreamableFile(await readFile(new URL(`public/${name}`, import.meta.url)), { type });
}
