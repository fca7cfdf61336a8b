import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const manifest = createRequire(import.meta.url).resolve('@nestjs/core/package.json');

/** The major version of Nest that the tests run on. */
export const nestMajor = Number(
  (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version.split('.')[0],
);

/** Nest 12 runs guards, pipes and interceptors for the whole application on frames too; Nest 11 runs none there. */
export const runsGlobalsOnFrames = nestMajor >= 12;
