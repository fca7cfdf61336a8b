import { describe, expect, it } from '@jest/globals';
import { needsOf, planStages, stageOf } from './stages.mjs';

describe('the stages of the tests', () => {
  it.each([
    ['src/realtime/rooms/room.spec.ts', 'unit'],
    ['tools/stages.spec.mjs', 'unit'],
    ['bench/resilience/ledger.spec.ts', 'unit'],
    ['test/conformance/handshake.url.spec.ts', 'conformance'],
    ['test/cluster/two-pods.spec.ts', 'cluster'],
    ['test/contract/broker.redis.spec.ts', 'contract'],
  ])('%s belongs to %s', (path, stage) => {
    expect(stageOf(path)).toBe(stage);
  });

  it('know what a file needs by its name and its folder', () => {
    expect(needsOf('test/contract/broker.memory.spec.ts')).toEqual([]);
    expect(needsOf('test/contract/broker.redis.spec.ts')).toEqual(['redis-server']);
    expect(needsOf('src/realtime/broker/redis-broker.redis.spec.ts')).toEqual(['redis-server']);
    expect(needsOf('test/cluster/two-pods.spec.ts')).toEqual(['redis-server']);
    expect(needsOf('test/browser/demo.spec.ts')).toEqual(['chromium']);
  });

  it('leave out what lacks a program, and say so', () => {
    const files = [
      'test/contract/broker.memory.spec.ts',
      'test/contract/broker.redis.spec.ts',
      'test/browser/demo.spec.ts',
    ];
    const plan = planStages(files, []);
    expect(plan.get('contract')).toMatchObject({ run: [files[0]], leftOut: [files[1]] });
    expect(plan.get('browser')).toMatchObject({ run: [], leftOut: [files[2]] });
    expect(planStages(files, ['redis-server']).get('contract')).toMatchObject({ run: files.slice(0, 2), leftOut: [] });
  });

  it('refuse a test that no stage would run', () => {
    expect(() => planStages(['test/somewhere/else.spec.ts'], [])).toThrow(
      'test/somewhere/else.spec.ts belongs to no stage',
    );
  });
});
