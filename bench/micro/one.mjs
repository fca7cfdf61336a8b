/** One round in a process of its own: `node one.mjs <folder with a build> <bench>`. Its last line is `{ns}` or `{missing}`. */
import { measure } from 'mitata';
import { benches } from './benches.mjs';

const [root, name] = process.argv.slice(2);
try {
  const { run, per, close } = await benches[name](root);
  // The least: what others on the machine took is not in it.
  const { min } = await measure(run, { min_cpu_time: 500e6 });
  await close?.();
  console.log(JSON.stringify({ ns: min / per }));
} catch (error) {
  // A build of another commit may not have it.
  console.log(JSON.stringify({ missing: error.message }));
}
process.exit(0);
