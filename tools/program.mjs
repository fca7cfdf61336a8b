import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';

/** How long a program may take to start. */
const START_MS = 30_000;

/**
 * Starts a program and waits for a line of its output.
 *
 * @returns `{ match, pid, end }`: what the pattern found, and what ends it
 * @throws Error with what it wrote, where it ended instead or took too long
 */
export async function startProgram(command, args, env, pattern) {
  const child = spawn(command, args, {
    // In a folder without an .env of somebody's.
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', resolve); // It could not be started: there will be no exit.
  });
  const end = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
    await exited;
    clearTimeout(timer);
  };
  const output = [];
  try {
    const match = await new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`${command} ${args.join(' ')} ${why}:\n${output.join('\n')}`));
      const timer = setTimeout(() => fail(`said nothing like ${pattern} within ${START_MS} ms`), START_MS);
      const read = (line) => {
        if (output.length < 100) output.push(line);
        const found = pattern.exec(line);
        if (!found) return;
        clearTimeout(timer);
        resolve(found);
      };
      for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', read);
      void exited.then((code) => {
        clearTimeout(timer);
        fail(`ended with code ${code}`);
      });
    });
    return { match, pid: child.pid, end };
  } catch (error) {
    await end();
    throw error;
  }
}
