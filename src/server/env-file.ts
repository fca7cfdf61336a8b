import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

/**
 * Puts what a `.env` file says into the environment; what the environment has already wins. No file is no error.
 *
 * @returns the names that the file sets.
 */
export function loadEnvFile(path: string): string[] {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const values = parseEnv(content);
  // Some versions of Node take a comment after a value of several lines for a name.
  const names = Object.keys(values).filter((name) => /^[A-Za-z_]/.test(name));
  for (const name of names) process.env[name] ??= values[name];
  return names;
}
