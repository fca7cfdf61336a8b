import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const END_WORKER = fileURLToPath(new URL('end-worker.cjs', import.meta.url));

function run(source) {
  const env = { ...process.env, JEST_WORKER_ID: '1' };
  const { status, stdout } = spawnSync(process.execPath, ['--require', END_WORKER, '-e', source], { env });
  return { status, said: stdout.toString().trim() };
}

it('a worker that nothing keeps ends with its code, after whoever listens for its end', () => {
  const source = "process.exitCode = 3; process.on('exit', () => console.log('told'));";
  expect(run(source)).toEqual({ status: 3, said: 'told' });
});

it('a worker that something keeps goes on', () => {
  expect(run("setTimeout(() => console.log('done'), 50);")).toEqual({ status: 0, said: 'done' });
});
