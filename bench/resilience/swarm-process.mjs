/**
 * The swarm in a process of its own: `node swarm-process.mjs '{"system", "target", "plan"}'`. Its last line is the
 * report as JSON.
 */
import { fileURLToPath } from 'node:url';
import { importTypeScript } from '../../tools/import-typescript.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
const { system, target, plan } = JSON.parse(process.argv[2]);
const { runSwarm } = await importTypeScript(root, 'bench/resilience/swarm.ts');
const connect = {
  rookery: async () => (await importTypeScript(root, 'bench/resilience/rookery-system.ts')).rookerySystem,
  'socket.io': async () => (await importTypeScript(root, 'bench/resilience/socket-io-system.ts')).socketIoSystem,
};
const makeSystem = await connect[system]();
console.log(JSON.stringify(await runSwarm(makeSystem(target), plan)));
process.exit(0); // A client that is still on its way back would keep it.
