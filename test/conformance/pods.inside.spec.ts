import { sharedMemory } from '../support/pods.js';
import { describePods } from '../support/pods-suite.js';

describePods('memory', async () => ({ options: sharedMemory() }));
