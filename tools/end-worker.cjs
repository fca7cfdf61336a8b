/**
 * Loaded into every worker of jest before anything else (run-jest.mjs): a worker that nothing keeps ends at once, without
 * taking its heap apart. After a dozen files with their modules that takes longer than the 500 ms that jest gives it, and
 * jest then speaks of tests that leak. What does leak keeps the worker as before, and jest tells it.
 *
 * CommonJS, by `--require`: what `--import` loads comes so late that a worker can miss jest's first message.
 */
if (process.env.JEST_WORKER_ID !== undefined) process.once('beforeExit', () => process.exit());
