import { BrokerRun } from './broker/broker-run.js';
import type { BrokerContract } from './broker/broker-run.js';
import { describeEpochs } from './broker/epochs.js';
import { describeHistory } from './broker/history.js';
import { describeLatest } from './broker/latest.js';
import { describeLife } from './broker/life.js';
import { describePublishing } from './broker/publishing.js';
import { describeSubscriptions } from './broker/subscriptions.js';
import type { TestApi } from './test-api.js';

export type { BrokerContract, BrokerPods, BrokerSettings } from './broker/broker-run.js';

/** What every implementation of `Broker` must do. */
export function describeBrokerContract(test: TestApi, name: string, contract: BrokerContract): void {
  test.describe(`${name} as a broker`, () => {
    const run = new BrokerRun(contract);
    test.beforeEach(async () => run.start());
    test.afterEach(async () => run.end());
    describePublishing(test, run);
    describeHistory(test, run);
    describeEpochs(test, run);
    describeSubscriptions(test, run);
    describeLatest(test, run);
    describeLife(test, run);
  });
}
